import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { openMailbox } from './mailbox-server.ts';
import { type Sample, samples } from './samples.ts';

/** What the demo needs of the engine: start it on a configuration file, and where it then answers. */
export interface DemoEngine {
  start(configFile: string): Promise<{ readonly url: string; readonly smtpPort: number } & AsyncDisposable>;
}
export interface DemoOptions {
  readonly engine: DemoEngine;
  readonly once: boolean;
  readonly dataDir: string | undefined;
  readonly print: (text: string) => void;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Resolves when the person has seen enough. */
  readonly interrupted: Promise<void>;
}

const login = { user: 'journal', password: 'demo-mailbox' };
/** Every sample settles within seconds; a demo that takes longer has failed. */
const settleWithinMs = 60_000;

interface IntakeAnswer {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly sha256: string;
  readonly size: number;
  readonly attempt: number;
  readonly entryId: string | null;
  readonly flags: readonly string[];
}
interface EntryAnswer {
  readonly id: string;
  readonly subject: string | null;
  readonly recipients: readonly { readonly type: string; readonly address: string }[];
  readonly observations: readonly {
    readonly intakeId: string;
    readonly level: string;
    readonly family: string | null;
  }[];
}

/** What became of one sample. */
export interface SampleEnd {
  readonly title: string;
  readonly via: string;
  readonly level: string | null;
  readonly outcome: string;
  readonly asExpected: boolean;
}

/**
 * The main job on a machine with nothing set up: journals the sample mail over SMTP and POP3, shows it being delayed,
 * matched and archived, and prints what stands in the archive.
 */
export async function runDemo(
  options: DemoOptions,
): Promise<{ readonly asExpected: boolean; readonly samples: readonly SampleEnd[] }> {
  const { print, now, once } = options;
  const folder = await mkdtemp(join(tmpdir(), 'daybook-demo-'));
  const mail = samples(now(), now().toString(36));
  try {
    await using mailbox = await openMailbox(
      login,
      mail.filter(({ via }) => via === 'pop3').map(({ bytes }) => bytes),
    );
    const configFile = join(folder, 'daybook.yaml');
    await writeFile(configFile, configOf(options.dataDir ?? join(folder, 'data'), mailbox.port), { mode: 0o600 });
    await using engine = await options.engine.start(configFile);
    print(
      `Daybook runs: SMTP on 127.0.0.1:${engine.smtpPort}, POP3 polled from 127.0.0.1:${mailbox.port}, data in ${options.dataDir ?? folder}\n`,
    );
    const sent = mail.filter(({ via }) => via === 'smtp');
    await send(engine.smtpPort, sent);
    print(`Sent ${sent.length} samples by SMTP; ${mail.length - sent.length} wait in the mailbox.\n\n`);
    const settled = await watch(options, engine.url, mail.length);
    const ended = await archivedTable(options, engine.url, mail);
    print(`\nConsole: ${engine.url}/\n`);
    if (!once) {
      print('Runs on until you press Ctrl-C.\n');
      await options.interrupted;
    }
    const asExpected = settled && ended.every((sample) => sample.asExpected);
    return { asExpected, samples: ended };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const configOf = (dataDir: string, pop3Port: number): string => `# Written by \`daybook demo\`.
dataDir: ${JSON.stringify(dataDir)}
logLevel: error
http: { port: 0 }
smtp: { port: 0, hostname: demo.daybook.example }
pop3: { pollInterval: 1s }
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange pushes reports by SMTP
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 1s
  - id: mailbox
    description: A journaling mailbox emptied by POP3
    transport: pop3
    serviceEmailAddress: mailbox@journal.north.example
    initialProcessDelay: 3s
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 1s
    pop3: { host: 127.0.0.1, port: ${pop3Port}, mailboxName: ${login.user}, password: ${login.password}, encrypted: false }
`;

async function send(port: number, mail: readonly Sample[]): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true });
  const envelope = { from: 'MicrosoftExchange0@north.example', to: ['journal@journal.north.example'] };
  for (const { bytes } of mail) await transport.sendMail({ envelope, raw: Buffer.from(bytes) });
  transport.close();
}

/** Shows where the mail is until all of it has settled. */
async function watch({ print, now, pause }: DemoOptions, url: string, expected: number): Promise<boolean> {
  const until = now() + settleWithinMs;
  let shown = '';
  while (now() < until) {
    const { definitions } = await json<{ definitions: readonly StatusAnswer[] }>(`${url}/v1/status`);
    const total = (of: (status: StatusAnswer) => number): number =>
      definitions.reduce((sum, each) => sum + of(each), 0);
    const line = [
      `received ${total(({ counts }) => counts['received'] ?? 0)}`,
      `delayed ${total(({ processingQueue }) => processingQueue.waiting.delayed)}`,
      `matching ${total(({ processingQueue }) => processingQueue.waiting.matching)}`,
      ...['archived', 'matched', 'skipped', 'held', 'quarantined'].map(
        (name) => `${name} ${total(({ counts }) => counts[name] ?? 0)}`,
      ),
    ].join(' · ');
    if (line !== shown) print(`${line}\n`);
    shown = line;
    const inProcess = total(({ processingQueue }) => processingQueue.messages);
    if (total(({ counts }) => counts['received'] ?? 0) >= expected && inProcess === 0) return true;
    await pause(100);
  }
  return false;
}

interface StatusAnswer {
  readonly counts: Readonly<Record<string, number>>;
  readonly processingQueue: {
    readonly messages: number;
    readonly waiting: { readonly delayed: number; readonly matching: number };
  };
}

/** One line a sample, read from the archive. */
async function archivedTable(
  { print }: DemoOptions,
  url: string,
  mail: readonly Sample[],
): Promise<readonly SampleEnd[]> {
  const { items } = await json<{ items: readonly IntakeAnswer[] }>(`${url}/v1/intake?limit=500`);
  const bySize = new Map(items.map((item) => [item.sha256, item]));
  print(`\n${row('SAMPLE', 'VIA', 'LEVEL', 'OUTCOME', 'ARCHIVED FOR')}`);
  const ended: SampleEnd[] = [];
  for (const sample of mail) {
    const item = bySize.get(await sha256(sample.bytes));
    const entry = item?.entryId ? await json<EntryAnswer>(`${url}/v1/messages/${item.entryId}`) : undefined;
    const level = entry?.observations.find(({ intakeId }) => intakeId === item?.id)?.level ?? null;
    const well = item?.state === sample.outcome;
    ended.push({ title: sample.title, via: sample.via, level, outcome: item?.state ?? 'missing', asExpected: well });
    const outcome = `${item?.state ?? 'missing'}${item?.reason ? ` (${item.reason})` : ''}${well ? '' : ` — expected ${sample.outcome}`}`;
    const recipients = entry?.recipients.map(({ type, address }) => `${type}:${address}`).join(' ') ?? '—';
    print(row(sample.title, sample.via, level ?? '—', outcome, recipients));
  }
  return ended;
}

const row = (...[title = '', via = '', level = '', outcome = '', recipients = '']: readonly string[]): string =>
  `${title.padEnd(36)}${via.padEnd(6)}${level.padEnd(7)}${outcome.padEnd(28)}${recipients}\n`;

async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(bytes))).toString('hex');
}
