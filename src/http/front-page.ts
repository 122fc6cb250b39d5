/** The page at `/`: the status table, kept fresh. Its files are apart, so that the content policy can stay strict. */
export const frontPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook</title><link rel="stylesheet" href="/page.css"><script src="/front.js" defer></script></head>
<body>
<header><h1>Daybook</h1><p id="engine">Reading the status …</p></header>
<main>
<form id="access" hidden><label>Token <input id="token" type="password" autocomplete="off" required></label> <button>Show</button></form>
<p id="fault" role="alert"></p>
<table><caption>Journal definitions</caption>
<thead><tr><th scope="col">Definition</th><th scope="col">Service Status</th><th scope="col">Last Successful Extract</th><th scope="col">Processing Queue</th><th scope="col">POP3 Mailbox Queue</th><th scope="col">Received</th><th scope="col">Archived</th><th scope="col">Matched</th><th scope="col">Set aside</th></tr></thead>
<tbody id="rows"></tbody></table>
<noscript><p>This page needs a script; <code>GET /v1/status</code> has the same figures.</p></noscript>
</main>
<footer><a href="/docs">API reference</a> <a href="/openapi.json">OpenAPI</a></footer>
</body>
</html>
`;

/** Text goes into the page as text only. The token lives in this tab's memory and nowhere else. */
export const frontScript = `'use strict';
const at = (id) => document.getElementById(id);
const states = { 'awaiting-initial-run': 'Awaiting Initial Run', active: 'Active', suspended: 'Suspended', down: 'Down', error: 'Error' };
let token = '';

async function refresh() {
  try {
    const answer = await fetch('/v1/status', { headers: token === '' ? {} : { authorization: 'Bearer ' + token } });
    at('access').hidden = answer.status !== 401 && answer.status !== 429;
    if (!answer.ok) throw new Error((await answer.json()).title);
    show(await answer.json());
    at('fault').textContent = '';
  } catch (error) {
    at('fault').textContent = 'No status: ' + error.message;
  }
}

function show({ engine, definitions }) {
  at('engine').textContent = 'Version ' + engine.version + (engine.ready ? ', ready' : ', not ready') + ', ' + new Date(engine.now).toLocaleString();
  at('rows').replaceChildren(...definitions.map(rowOf));
}

function rowOf(status) {
  const { counts, processingQueue, reason, hint } = status;
  const row = document.createElement('tr');
  const extract = status.lastSuccessfulExtract;
  const cells = [
    status.description,
    states[status.serviceStatus] + (reason === null ? '' : ' (' + reason + ')'),
    extract === null ? 'Awaiting Initial Run' : new Date(extract).toLocaleString(),
    processingQueue.messages,
    status.transport === 'pop3' ? status.pop3MailboxQueue ?? '—' : '',
    counts.received, counts.archived, counts.matched, counts.skipped + counts.held + counts.quarantined,
  ];
  for (const cell of cells) row.insertCell().textContent = String(cell);
  row.cells[1].className = 'state ' + status.serviceStatus;
  if (hint !== null) row.cells[1].title = hint;
  return row;
}

at('access').addEventListener('submit', (event) => {
  event.preventDefault();
  token = at('token').value;
  refresh();
});
refresh();
setInterval(refresh, 2000);
`;

export const pageStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1.5rem; }
caption { text-align: left; font-weight: bold; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #8886; vertical-align: top; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
dd { margin: 0 0 0.8rem 1.5rem; }
:target { outline: 2px solid #06c; outline-offset: 3px; }
nav a, footer a { margin-right: 1rem; }
.state::before { content: '● '; }
.active::before { color: #0a7d33; }
.down::before, .error::before { color: #c62828; }
.suspended::before { color: #b26a00; }
`;
