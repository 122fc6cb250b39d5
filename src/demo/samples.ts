/** Sample mail of the demo: synthetic, one of each kind that a journal brings, dated when it is made. */
export interface Sample {
  readonly title: string;
  readonly via: 'smtp' | 'pop3';
  /** The outcome that the demo expects. */
  readonly outcome: 'archived' | 'matched' | 'held' | 'skipped' | 'quarantined';
  readonly bytes: Uint8Array;
}

const day = 86_400_000;

/** All samples, in the order they are sent. `runId` makes the Message-IDs of one run its own. */
export function samples(now: number, runId: string): readonly Sample[] {
  const id = (name: string): string => `<${name}.${runId}@north.example>`;
  return [...wellFormed(now, id), ...troubled(now, id)];
}

const ada = { from: 'Ada <ada@north.example>', to: 'bo@north.example' };
const sentByAda = 'Sender: ada@north.example';
type IdOf = (name: string) => string;

/** Reports as Exchange writes them: archived, and the second of a pair matched. */
function wellFormed(now: number, id: IdOf): readonly Sample[] {
  const lunch = mail({ ...ada, subject: 'Lunch', id: id('lunch'), at: now });
  const lunchText = [sentByAda, 'Subject: Lunch', `Message-Id: ${id('lunch')}`];
  const first = [...lunchText, 'To: bo@north.example', 'Cc: cy@south.example', 'Bcc: legal@north.example'];
  const secret = { ...ada, subject: 'Secret', id: id('secret'), at: now };
  const locked = mail({ ...secret, extra: ['Content-Class: rpmsg.message'], body: 'Protected.' });
  const clear = mail({ ...secret, body: 'The real text.' });
  const list = 'Expanded: kitchen@north.example';
  const menu = mail({ ...ada, to: 'kitchen@north.example', subject: 'Menu', id: id('menu'), at: now });
  const menuText = [sentByAda, 'Subject: Menu', `Message-Id: ${id('menu')}`];
  const members = [`To: cy@north.example, ${list}`, `To: di@north.example, ${list}`];
  const old = mail({ ...ada, subject: 'Old style', id: id('old-style'), at: now });
  const oldText = ['Sender: "Ada" <ada@north.example>', `Message-ID: ${id('old-style')}`, 'Recipients:'];
  const secretText = [sentByAda, 'Subject: Secret', `Message-Id: ${id('secret')}`, 'To: bo@north.example'];
  const marker = 'Content-Identifer: ExJournalReport';
  return [
    sample('Report with To, Cc and Bcc', 'smtp', 'archived', report(first, [lunch])),
    sample(
      'Second report of the same message',
      'pop3',
      'matched',
      report([...lunchText, 'Bcc: audit@north.example'], [lunch]),
    ),
    sample('Distribution list, expanded', 'smtp', 'archived', report([...menuText, ...members], [menu])),
    sample(
      'Exchange 2003 report',
      'pop3',
      'archived',
      report([...oldText, '\t"Bo" <bo@north.example>'], [old], marker),
    ),
    sample('Rights-protected pair', 'smtp', 'archived', report(secretText, [locked, clear])),
  ];
}

/** What else arrives in a journal, each with its own end; nothing of it is lost. */
function troubled(now: number, id: IdOf): readonly Sample[] {
  const old = mail({ ...ada, subject: 'Last month', id: id('old'), at: now - 45 * day });
  const oldText = [sentByAda, 'Subject: Last month', `Message-Id: ${id('old')}`, 'To: bo@north.example'];
  const outside = { from: 'a@south.example', to: 'b@west.example', subject: 'Outside', id: id('outside'), at: now };
  const outsideText = [
    'Sender: a@south.example',
    'Subject: Outside',
    `Message-Id: ${id('outside')}`,
    'To: b@west.example',
  ];
  const scanned = mail({ ...ada, subject: 'Scanned', id: id('scanned'), at: now });
  const plain = mail({ ...ada, subject: 'No envelope', id: id('plain'), at: now });
  return [
    sample('Ordinary mail, absorbed', 'pop3', 'archived', plain),
    sample('Report text destroyed by a scanner', 'smtp', 'archived', report(['This item was scanned.'], [scanned])),
    sample('Older than thirty days', 'smtp', 'held', report(oldText, [old])),
    sample('No internal address', 'smtp', 'skipped', report(outsideText, [mail(outside)])),
    sample('Not a message at all', 'pop3', 'quarantined', 'no header here\r\n'),
  ];
}

interface MailParts {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly id: string;
  readonly at: number;
  readonly extra?: readonly string[];
  readonly body?: string;
}

function mail({ from, to, subject, id, at, extra = [], body = 'Soup today.' }: MailParts): string {
  const date = new Date(at).toUTCString().replace('GMT', '+0000');
  const headers = [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, `Message-ID: ${id}`, `Date: ${date}`, ...extra];
  return `${headers.join('\r\n')}\r\n\r\n${body}\r\n`;
}

/** A journal report around the attached messages ([MS-XJRNL], journaling b.2). */
function report(text: readonly string[], attached: readonly string[], marker = 'X-MS-Journal-Report:'): string {
  const boundary = 'journal-report';
  const head = [
    'From: Journal <MicrosoftExchange0@north.example>',
    'To: journal@journal.north.example',
    marker,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
  ];
  const parts = [
    ['Content-Type: text/plain; charset=us-ascii', '', ...text, ''],
    ...attached.map((message) => ['Content-Type: message/rfc822', '', message]),
  ];
  const body = parts.map((lines) => `--${boundary}\r\n${lines.join('\r\n')}`).join('\r\n');
  return `${head.join('\r\n')}\r\n\r\n${body}\r\n--${boundary}--\r\n`;
}

const sample = (title: string, via: Sample['via'], outcome: Sample['outcome'], text: string): Sample => ({
  title,
  via,
  outcome,
  bytes: Buffer.from(text, 'latin1'),
});
