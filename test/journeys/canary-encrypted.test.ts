import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { type Canary, canariesIn, type Outlet } from '../support/canary.ts';
import {
  heard,
  mailCanaries,
  openRoutes,
  passwords,
  sendAs,
  tokensOption,
  words,
  wordyReport,
} from '../support/canary-life.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf } from '../support/folders.ts';
import { promised } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { keyBytesOf } from '../support/master-keys.ts';

/** What is handed to those outside, each for itself. None is part of another. */
const secrets = {
  hook: 'Canary-hook-8Rx1',
  relay: 'Canary-relay-8Rx2',
  canary: 'Canary-canary-8Rx3',
  anchor: 'Canary-anchor-8Rx4',
  masterKey: keyBytesOf().toString('hex'),
} as const;
const named: readonly Canary[] = [...Object.entries(secrets), ...Object.entries(passwords)].map(([name, text]) => ({
  name,
  text,
}));

const listening = async (server: Pick<Server, 'listen' | 'address'>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

/** A web server that refuses all it is sent, in the words of whoever called: kept are its calls, without the signature. */
async function refusingHook() {
  const calls: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      const { authorization, ...headers } = request.headers;
      calls.push(`${request.url} ${JSON.stringify(headers)} ${body}`);
      response.writeHead(calls.length % 2 === 0 ? 204 : 403, `no ${authorization ?? ''}`).end(`no ${authorization}`);
    });
  });
  const port = await listening(server);
  return { calls, port, close: () => server.close() };
}

/** A mail server that repeats every line in its refusal. */
async function repeatingRelay() {
  const lines: string[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220 relay\r\n');
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\r\n').filter((each) => each !== '')) {
        lines.push(line);
        socket.write(/^EHLO/.test(line) ? '250-relay\r\n250 AUTH PLAIN\r\n' : `535 what is ${line}?\r\n`);
      }
    });
  });
  const port = await listening(server);
  return { lines, port, close: () => server.close() };
}

const configuration = (hookPort: number, relayPort: number): string => `
logLevel: debug
store: { minimumFree: 1MB, encryption: { keyFile: master.key } }
search: { text: true }
directory: { internalDomains: [north.example] }
alerts:
  channels:
    - { name: hook, kind: webhook, url: "http://127.0.0.1:${hookPort}/", secret: ${secrets.hook} }
    - { name: mail, kind: mail, host: 127.0.0.1, port: ${relayPort}, security: none, user: olga, password: ${secrets.relay}, from: daybook@north.example, to: [oncall@north.example] }
evidence:
  anchors:
    - { name: outside, kind: webhook, url: "http://127.0.0.1:${hookPort}/anchor", token: ${secrets.anchor}, interval: 1m }
definitions:
  - id: open
    description: open
    transport: smtp
    serviceEmailAddress: open@journal.north.example
    deliveryWaitAttempts: 1
    periodOfInactivityAllowed: 2s
    canary: { host: 127.0.0.1, port: ${relayPort}, security: none, user: ada, password: ${secrets.canary}, from: daybook@north.example, to: box@north.example, interval: 10s, limit: 1s }
`;

async function filesIn(directory: string): Promise<readonly Outlet[]> {
  const names = await filesOf(directory);
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(directory, name), 'latin1') })));
}

/** Finds the mail by a word of its text, and asks what is known of it, as those who may. */
async function search(daybook: Daybook): Promise<void> {
  const headers = { authorization: `Bearer ${passwords.auditor}` };
  await eventually(
    async () => {
      const answer = await daybook.fetch(`/v1/messages?text=${words.body}`, { headers });
      return ((await answer.json()) as { items: readonly unknown[] }).items.length > 0;
    },
    { what: 'the mail by a word of its text' },
  );
  const explained = await daybook.fetch('/v1/explain?definition=open', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'message/rfc822' },
    body: wordyReport('explained'),
  });
  expect(explained.status).toBe(200);
}

test('G18: of an encrypted archive no file holds a word of mail, and what goes out to others tells neither words nor secrets', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-canary-'));
  const [hook, relay] = [await refusingHook(), await repeatingRelay()];
  try {
    await writeFile(join(directory, 'master.key'), `${secrets.masterKey}\n`, { mode: 0o600 });
    const config = configuration(hook.port, relay.port);
    await using daybook = await startDaybook({ directory, config, http: tokensOption });
    const { ids } = promised(await sendAs(daybook, 'open', 'none', wordyReport('one')));
    const asAuditor = { authorization: `Bearer ${passwords.auditor}` };
    await eventually(
      async () =>
        (await daybook.fetch(`/v1/intake/${ids[0]}`, { headers: asAuditor }))
          .text()
          .then((text) => text.includes('"archived"')),
      { what: 'the archived mail' },
    );
    await search(daybook);
    await eventually(async () => hook.calls.filter((call) => call.includes('raised')).length > 1, {
      withinMs: 60_000,
      what: 'alerts at the webhook',
    });
    await eventually(async () => relay.lines.filter((line) => line.startsWith('AUTH')).length > 2, {
      withinMs: 60_000,
      what: 'logins of alert and canary',
    });
    const outlets: Outlet[] = [
      ...(await heard(
        daybook,
        [...openRoutes, '/v1/alerts?limit=500', '/v1/gaps', '/v1/intake?limit=500'],
        ['wrongToken', 'viewer', 'operator'],
      )),
    ];
    for (const args of [['alerts', 'list'], ['alerts', 'test'], ['gaps'], ['status', '--json'], ['verify']]) {
      const { stdout, stderr } = await command([...args, '--config', daybook.configFile]);
      outlets.push({ name: `daybook ${args.join(' ')}`, text: stdout + stderr });
    }
    expect(await daybook.end('SIGTERM')).toBe(0);
    outlets.push({ name: 'log', text: daybook.log() }, { name: 'webhook', text: hook.calls.join('\n') });
    const stored = await filesIn(join(directory, 'data'));
    expect(stored.some(({ name }) => name.startsWith('text-index/'))).toBe(true);
    expect(relay.lines.join('\n'), 'the search finds what is there').toContain(
      Buffer.from(`\0ada\0${secrets.canary}`).toString('base64'),
    );
    expect(canariesIn([...outlets, ...stored], [...named, ...mailCanaries])).toEqual([]);
  } finally {
    hook.close();
    relay.close();
    await rm(directory, { recursive: true, force: true });
  }
}, 180_000);
