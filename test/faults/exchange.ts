import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { fromLineOf, quotedForMbox } from '../../src/cli/mbox.ts';
import { all, type Entry } from '../support/journal-api.ts';
import { dateOf, idOf, sha256 } from '../support/journey-mail.ts';
import { buildReport } from '../support/mail.ts';
import { below, prng } from '../support/prng.ts';
import { Engine, type Figures, twice } from './killed-command.ts';

export type ExchangeFormat = 'eml' | 'mbox' | 'zip';
export interface ExchangeOptions {
  readonly messages: number;
  readonly seed: number;
  /** One after another out of the same engine, each into an engine of its own. */
  readonly formats: readonly ExchangeFormat[];
}
export interface Exchange extends ExchangeOptions {
  readonly megabytes: number;
  /** What did not hold; empty where all did. */
  readonly differences: readonly string[];
  /** Of each command that ran to its end, and of the engine it talked to. */
  readonly runs: Readonly<Record<string, Figures>>;
}

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
const tokens = [
  '\r\n',
  '\n',
  '\r',
  'From ',
  '\nFrom ',
  '\r\n\r\nFrom x\r\n',
  '>From ',
  '\n>>From ',
  '\0',
  '\xff',
  ' ',
  '.\r\n',
];
const word = 'the quick brown fox jumps over the lazy dog ';

/** A mail whose body is random: what an mbox may stumble over, every byte, and text. */
function randomMail(random: () => number, name: string): Buffer {
  const pieces = Array.from({ length: below(random, 60) }, () => {
    const kind = random();
    if (kind < 0.4) return tokens[below(random, tokens.length)] ?? '';
    return kind < 0.5 ? String.fromCharCode(below(random, 256)) : word.repeat(1 + below(random, 3));
  });
  const header = `From: ada@north.example\r\nTo: bo@north.example\r\nMessage-ID: ${idOf(name)}\r\nDate: ${dateOf()}\r\nSubject: ${name}\r\n\r\n`;
  return Buffer.from(`${header}${pieces.join('')}`, 'latin1');
}

/** An mbox of random mail, a fifth of it in journal reports with a Bcc. Answers what has to be archived. */
async function writeMbox(file: FileHandle, { messages, seed }: ExchangeOptions): Promise<ReadonlyMap<string, string>> {
  const random = prng(seed);
  const expected = new Map<string, string>();
  for (let at = 0; at < messages; at += 1) {
    const name = `${seed}.${at}`;
    const mail = randomMail(random, name);
    const recipients = [
      { address: 'bo@north.example' },
      { address: `p${at % 97}@north.example`, type: 'bcc' as const },
    ];
    const isReport = at % 5 === 0;
    const written = isReport
      ? buildReport({
          messageId: idOf(name),
          sender: 'ada@north.example',
          recipients,
          originals: [mail],
          boundary: `B${seed}`,
        })
      : mail;
    const hasEnd = written.at(-1) === 0x0a;
    expected.set(idOf(name), sha256(isReport || hasEnd ? mail : Buffer.concat([mail, Buffer.from('\n')])));
    await file.appendFile(Buffer.concat([Buffer.from(fromLineOf(null, 0)), ...quotedForMbox(written)]));
  }
  return expected;
}

/** Import, export and import of the export, each killed half way, and the entries of the engines compared. */
export async function exchange(options: ExchangeOptions): Promise<Exchange> {
  const { messages, formats } = options;
  const folder = await mkdtemp(join(tmpdir(), 'daybook-exchange-'));
  const runs: Record<string, Figures> = {};
  const differences: string[] = [];
  try {
    const box = join(folder, 'box.mbox');
    const file = await open(box, 'wx');
    const expected = await writeMbox(file, options).finally(() => file.close());
    await using first = new Engine(await startDaybook({ config }));
    runs['import of the mbox'] = await imported(first, [box], messages);
    const there = await entriesOf(first.now);
    differences.push(...compared('archived', expected, new Map([...there].map(([id, { hash }]) => [id, hash]))));
    for (const format of formats) {
      const to = join(folder, format === 'eml' ? 'out' : `out.${format}`);
      const manifest = { eml: `${to}/manifest.jsonl`, mbox: `${to}.manifest.jsonl`, zip: `${to}.part.jsonl` }[format];
      const written = await twice(['export', '--to', to, '--format', format, ...first.args], {
        done: lineCounter(manifest),
        until: messages,
        under: { state: format === 'eml' ? `${to}/.daybook-export.json` : `${to}.export.json` },
      });
      runs[`export as ${format}`] = { ...written, enginePeakMB: first.peakMB() };
      await using second = new Engine(await startDaybook({ config }));
      runs[`import of the ${format}`] = await imported(second, [to, '--as', 'gateway'], messages);
      differences.push(...compared(`imported from ${format}`, textOf(there), textOf(await entriesOf(second.now))));
      differences.push(...(await miscounted(second, messages)));
    }
    differences.push(...(await miscounted(first, messages)));
    const megabytes = Math.round((await stat(box)).size / 100_000) / 10;
    return { ...options, megabytes, differences: differences.slice(0, 20), runs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both the command and the engine killed on the way. */
async function imported(engine: Engine, what: readonly string[], messages: number): Promise<Figures> {
  const args = ['import', ...what, '--definition', 'exchange', ...engine.args];
  const figures = await twice(args, { done: engine.received, until: messages, under: engine });
  await engine.settled(messages);
  return { ...figures, enginePeakMB: engine.peakMB() };
}

async function miscounted(engine: Engine, messages: number): Promise<readonly string[]> {
  const received = await engine.received();
  return received === messages ? [] : [`${received} intakes of ${messages} messages`];
}

/** Counts the lines of a file that grows; what it had before is not read again. */
function lineCounter(path: string): () => Promise<number> {
  let [lines, start] = [0, 0];
  return async () => {
    for await (const chunk of createReadStream(path, { start })) {
      start += (chunk as Buffer).length;
      for (const byte of chunk as Buffer) if (byte === 0x0a) lines += 1;
    }
    return lines;
  };
}

/** What has to be the same: bytes and people, by Message-ID. */
async function entriesOf(daybook: Daybook) {
  const entries = await all<Entry>(daybook, '/v1/messages');
  return new Map(
    entries.map(({ messageId, sha256: hash, sender, recipients }) => [
      messageId ?? '',
      { hash, sender, recipients: recipients.map(({ address }) => address).toSorted() },
    ]),
  );
}
const textOf = (entries: Awaited<ReturnType<typeof entriesOf>>): ReadonlyMap<string, string> =>
  new Map([...entries].map(([id, entry]) => [id, createHash('sha256').update(JSON.stringify(entry)).digest('hex')]));

function compared(what: string, expected: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  const differences = expected.size === found.size ? [] : [`${what}: ${found.size} entries of ${expected.size}`];
  for (const [id, hash] of expected) {
    if (found.get(id) !== hash) differences.push(`${what}: ${id} is ${found.get(id) ?? 'missing'}`);
  }
  return differences;
}
