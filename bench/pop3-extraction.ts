import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openDelayProxy } from './delay-proxy.ts';
import { type Figure, figure, report } from './harness.ts';
import { type Daybook, startDaybook } from './peers/daybook.ts';
import { type Dovecot, startDovecot } from './peers/dovecot.ts';
import { figuresOf } from './process-figures.ts';

const run = promisify(execFile);

/** Empties one mailbox of a real Dovecot, round after round, each client in turn: `node dist/bench/pop3-extraction.js`. */
interface Cell {
  readonly bytes: number;
  readonly delayMs: number;
  readonly count: number;
  readonly warming: number;
}
interface Turn {
  readonly seconds: number;
  readonly cpuSeconds: number;
}
interface Mailbox {
  readonly port: number;
  readonly user: string;
  readonly count: number;
  /** Messages that an engine takes first: V8 compiles for the first thousands, an engine runs for months. */
  readonly warming: number;
  /** Puts the messages in; the clock starts after it. */
  readonly filled: () => Promise<void>;
}
type Client = (mailbox: Mailbox) => Promise<Turn>;

/** 1h. */
const pollIntervalMs = 3_600_000;
/** Each answer costs the engine about what a message costs. */
const askedEveryMs = 50;

/** Another user for each turn: no client meets what another one left. */
let turns = 0;
/** Messages made so far: each has an id of its own. */
let made = 0;

async function extract(client: Client, dovecot: Dovecot, { bytes, delayMs, count, warming }: Cell): Promise<Turn> {
  turns += 1;
  const user = `u${turns}`;
  await using proxy = delayMs === 0 ? undefined : await openDelayProxy(dovecot.port, delayMs);
  // Daybook is at rest over the empty mailbox before it is filled; the others start anew anyway.
  await dovecot.fill(user, []);
  const port = proxy?.port ?? dovecot.port;
  const filled = async (): Promise<void> => dovecot.fill(user, messages(bytes, count));
  const turn = await client({ port, user, count, warming, filled });
  const left = (await dovecot.held(user)).size;
  if (left !== 0) throw new Error(`${left} of ${count} messages were left in the mailbox`);
  return turn;
}

/** Extraction is over when QUIT was answered; CPU counts until the last message is archived. */
async function daybook({ port, user, count, warming, filled }: Mailbox): Promise<Turn> {
  await using engine = await startDaybook({ config: configOf(port, user) });
  await polled(engine, 0, 0);
  for (let warmed = 0; warmed < warming; warmed += count) {
    await filled();
    await emptied(engine, warmed + count);
  }
  const taken = Math.ceil(warming / count) * count + count;
  await filled();
  const before = figuresOf(engine.pid).cpuSeconds;
  const seconds = await emptied(engine, taken);
  return { seconds, cpuSeconds: figuresOf(engine.pid).cpuSeconds - before };
}

/** Polls the mailbox until all is archived. Answers the seconds until the session that found it empty had ended. */
async function emptied(engine: Daybook, taken: number): Promise<number> {
  const startedAt = Date.now();
  await engine.fetch('/v1/definitions/bench/poll', { method: 'POST' });
  const endedAt = await polled(engine, taken, startedAt);
  while ((await statusOf(engine)).counts.archived < taken) await pause(askedEveryMs);
  return (endedAt - startedAt) / 1_000;
}

const configOf = (port: number, user: string): string => `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 1h }
directory: { internalDomains: [north.example] }
definitions:
  - id: bench
    description: Benchmark
    transport: pop3
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: ${user}, password: pw, encrypted: false }
`;

interface Status {
  readonly nextPollAt: string | null;
  readonly counts: { readonly received: number; readonly archived: number };
}
const statusOf = (engine: Daybook): Promise<Status> => engine.get('/v1/definitions/bench/status');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The mailbox is empty, and the session that found it so has ended: when, says the time of the next one. */
async function polled(engine: Daybook, count: number, since: number): Promise<number> {
  for (;;) {
    const { nextPollAt, counts } = await statusOf(engine);
    const endedAt = nextPollAt === null ? 0 : Date.parse(nextPollAt) - pollIntervalMs;
    if (endedAt > since && counts.received >= count) return endedAt;
    await pause(askedEveryMs);
  }
}

/** To an mbox file, its fastest way; it pipelines where the server does. */
const mpop = (mailbox: Mailbox): Promise<Turn> =>
  program(mailbox, (folder) => [
    'mpop',
    ...[
      '--host=127.0.0.1',
      `--port=${mailbox.port}`,
      `--user=${mailbox.user}`,
      '--passwordeval=echo pw',
      '--auth=user',
    ],
    ...['--tls=off', '--keep=off', '--only-new=off', '--quiet', '--received-header=off', '--pipelining=auto'],
    ...[`--delivery=mbox,${folder}/mbox`, `--uidls-file=${folder}/uidls`],
  ]);

/** To a BSMTP file, so that no local delivery is counted. */
const fetchmail = (mailbox: Mailbox): Promise<Turn> =>
  program(mailbox, async (folder) => {
    const { port, user } = mailbox;
    const poll = `poll 127.0.0.1 service ${port} protocol pop3 auth password: user "${user}" password "pw"`;
    await writeFile(`${folder}/rc`, `${poll} nokeep fetchall sslproto "" bsmtp "${folder}/bsmtp"\n`, { mode: 0o600 });
    return ['fetchmail', '-f', `${folder}/rc`, '-i', `${folder}/ids`, '--pidfile', `${folder}/pid`, '--nosyslog'];
  });

async function program(
  { filled }: Mailbox,
  commandIn: (folder: string) => readonly string[] | Promise<readonly string[]>,
): Promise<Turn> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-pop3-'));
  try {
    const command = await commandIn(folder);
    await filled();
    const startedAt = performance.now();
    // `times` tells what its children used.
    const { stdout } = await run('bash', ['-c', '"$@" >/dev/null 2>&1 || exit 1; times', 'bench', ...command], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const [user = 0, system = 0] = (stdout.trim().split('\n').at(-1) ?? '').split(' ').map(secondsOf);
    return { seconds, cpuSeconds: user + system };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `0m1.234s` */
const secondsOf = (text: string): number => {
  const [, minutes = '0', seconds = '0'] = /^(\d+)m([\d.]+)s$/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(seconds);
};

/** Journal reports of about this size, an id each. */
function messages(bytes: number, count: number): readonly Buffer[] {
  const body = `${'Zm9v'.repeat(19)}\r\n`.repeat(Math.max(0, Math.floor((bytes - 700) / 78)));
  return Array.from({ length: count }, () => {
    made += 1;
    const id = `<${made}@north.example>`;
    const date = new Date().toUTCString().replace('GMT', '+0000');
    return Buffer.from(
      [
        'From: Journal <MicrosoftExchange0@north.example>\r\nTo: journal@journal.north.example\r\nX-MS-Journal-Report:',
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="outer"\r\n\r\n--outer',
        `Content-Type: text/plain; charset=us-ascii\r\n\r\nSender: ada@north.example\r\nSubject: Figures\r\nMessage-Id: ${id}`,
        'To: bo@north.example\r\nBcc: legal@north.example\r\n\r\n--outer\r\nContent-Type: message/rfc822\r\n',
        `From: Ada <ada@north.example>\r\nTo: bo@north.example\r\nSubject: Figures\r\nMessage-ID: ${id}\r\nDate: ${date}`,
        `\r\n${body}\r\n--outer--\r\n`,
      ].join('\r\n'),
    );
  });
}

const clients: Readonly<Record<string, Client>> = { daybook, mpop, fetchmail };

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    count: { type: 'string', default: '2000' },
    sizes: { type: 'string', default: '4096,76800' },
    delay: { type: 'string', default: '0,20' },
    warm: { type: 'string', default: '6000' },
    peers: { type: 'string', default: 'daybook,mpop,fetchmail' },
  },
});
const figures: Figure[] = [];
await using dovecot = await startDovecot();
for (const delayMs of values.delay.split(',').map(Number)) {
  for (const bytes of values.sizes.split(',').map(Number)) {
    // A client that waits a round trip for each command needs two of them for each message.
    const count = Math.ceil(Number(values.count) / (delayMs > 0 ? 4 : 1));
    const cell = { bytes, delayMs, count, warming: Number(values.warm) };
    const taken = new Map<string, Turn[]>();
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const peers = values.peers.split(',');
      for (const peer of round % 2 === 0 ? peers : peers.toReversed()) {
        const client = clients[peer];
        if (client === undefined) throw new Error(`no peer ${peer}; there are ${Object.keys(clients).join(', ')}`);
        const turn = await extract(client, dovecot, cell);
        taken.set(peer, [...(taken.get(peer) ?? []), turn]);
      }
    }
    for (const [peer, each] of taken) {
      const bench = `${bytes}${delayMs === 0 ? '' : ` +${delayMs} ms`}`;
      const rates = each.map(({ seconds }) => cell.count / seconds);
      const costs = each.map(({ cpuSeconds }) => (cpuSeconds / cell.count) * 1_000);
      figures.push(figure({ bench, peer, unit: 'messages/s' }, rates));
      figures.push(figure({ bench, peer, unit: 'CPU ms/message' }, costs));
    }
  }
}
await report('pop3-extraction', figures);
