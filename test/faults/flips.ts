import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { type VerifyReport, verifyData } from '../../src/engine/verification.ts';
import { openReading } from '../../src/store/encryption.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf, flipBit } from '../support/folders.ts';
import { all, type Entry, statusOf } from '../support/journal-api.ts';
import { dateOf, deliver, idOf, lunchReport, sha256 } from '../support/journey-mail.ts';
import { buildMessage } from '../support/mail.ts';
import { masterKey, masterKeyFile } from '../support/master-keys.ts';
import { below, prng } from '../support/prng.ts';

export interface FlipOptions {
  /** Bits flipped, one after another, each put back before the next. */
  readonly places: number;
  /** Of them, how many are also met by an engine that reads every message. */
  readonly reads: number;
  readonly messages: number;
  readonly seed: number;
  readonly bytes: 'segments' | 'leveldb';
  readonly encrypted: boolean;
}
export interface FlipFigures {
  /** Places tried in each kind of file. */
  readonly places: Readonly<Record<string, number>>;
  /** What became of the reads: right bytes, or a refusal; engines that did not start on the damage. */
  readonly reads: { readonly right: number; readonly refused: number; readonly notStarted: number };
  readonly faults: readonly string[];
}

const recipient = 'journal@journal.north.example';

/** LevelDB's own diary, files whose being there is all that they say, and the links by which an opening was undone. */
const sayNothing = /(^|\/)(LOG|LOG\.old|LOCK)$|^index\.before-open\//;

/** `index/000005.ldb` → `index/*.ldb`: files of one kind are many, those of another one. */
const kindOf = (file: string): string => file.replace(/[^/]*\d{4,}[^/.]*/, '*');

/** One bit flipped anywhere: `verify` finds each, and nobody is given wrong bytes. */
export async function flips(options: FlipOptions): Promise<FlipFigures> {
  const random = prng(options.seed);
  await using daybook = await startDaybook({ config: configOf(options) });
  await fill(daybook, options.messages);
  const known = await shown(daybook);
  await stop(daybook);
  // The index has tables only after it was opened again.
  await using again = await daybook.restart();
  await stop(again);
  const dataDir = join(daybook.directory, 'data');
  const found = await kindsIn(dataDir);
  const kinds = [...found.keys()];
  const faults: string[] = [];
  const reads = { right: 0, refused: 0, notStarted: 0 };
  const places: Record<string, number> = {};
  for (let n = 0; n < options.places; n += 1) {
    const kind = kinds[n % kinds.length] ?? '';
    const files = found.get(kind) ?? [];
    const file = files[below(random, files.length)] ?? '';
    const { size } = await stat(join(dataDir, file));
    const [at, bit] = [below(random, size), below(random, 8)];
    const place = `${file} at ${at} of ${size}, bit ${bit}`;
    const putBack = await flipBit(join(dataDir, file), at, bit);
    places[kind] = (places[kind] ?? 0) + 1;
    const report = await verified(dataDir, options);
    if (report.faults.length === 0) faults.push(`not found: ${place}`);
    if (options.reads > 0 && n % Math.ceil(options.places / options.reads) === 0) {
      faults.push(...(await readOver(dataDir, known, { options, place, reads })));
    }
    await putBack();
  }
  const { faults: left } = await verified(dataDir, options);
  if (left.length > 0) faults.push(`with every bit put back: ${left.map(({ file, text }) => `${file}: ${text}`)}`);
  return { places, reads, faults };
}

function configOf({ bytes, encrypted }: FlipOptions): string {
  const encryption = encrypted ? `, encryption: { keyFile: ${masterKeyFile()} }` : '';
  return `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB, bytes: ${bytes}${encryption} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
}

async function stop(daybook: Daybook): Promise<void> {
  if ((await daybook.end('SIGTERM')) !== 0) throw new Error(`the engine did not end: ${daybook.log()}`);
}

async function fill(daybook: Daybook, messages: number): Promise<void> {
  for (let n = 0; n < messages; n += 1) {
    const messageId = idOf(`flip${n}`);
    // Small ones, and some that are more than one page of anything.
    const original = buildMessage({ messageId, date: dateOf(), body: 'Soup today.\r\n'.repeat(1 + (n % 7) * 700) });
    await deliver(daybook.smtpPort, [recipient], lunchReport(`flip${n}`, { originals: [original] }));
  }
  for (const change of ['suspend', 'activate'])
    await daybook.fetch(`/v1/definitions/exchange/${change}`, { method: 'POST' });
  await eventually(async () => (await statusOf(daybook, 'exchange')).counts.archived === messages, {
    withinMs: 60_000,
    what: `${messages} archived`,
  });
}

/** Every entry with the hash that it has to be read with. */
async function shown(daybook: Daybook): Promise<ReadonlyMap<string, string>> {
  const entries = await all<Entry & { readonly sha256: string }>(daybook, '/v1/messages');
  return new Map(entries.map(({ id, sha256: hash }) => [id, hash]));
}

async function kindsIn(dataDir: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const kinds = new Map<string, string[]>();
  for (const file of await filesOf(dataDir)) {
    if (sayNothing.test(file) || (await stat(join(dataDir, file))).size === 0) continue;
    kinds.set(kindOf(file), [...(kinds.get(kindOf(file)) ?? []), file]);
  }
  return kinds;
}

/** A key that cannot be used, or a database that cannot be opened, is told by the command as a fault is. */
async function verified(dataDir: string, { bytes, encrypted }: FlipOptions): Promise<Pick<VerifyReport, 'faults'>> {
  try {
    const reading = await openReading(dataDir, encrypted ? masterKey() : null);
    return await verifyData({ dataDir, bytes, upTo: null, reading });
  } catch (error) {
    return { faults: [{ file: dataDir, text: String(error) }] };
  }
}

interface ReadingOver {
  readonly options: FlipOptions;
  readonly place: string;
  readonly reads: { right: number; refused: number; notStarted: number };
}

/** An engine on a copy of the damaged folder: it refuses to start, or gives the right bytes of each message, or none. */
async function readOver(
  dataDir: string,
  known: ReadonlyMap<string, string>,
  { options, place, reads }: ReadingOver,
): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-flips-'));
  try {
    await cp(dataDir, join(directory, 'data'), { recursive: true });
    const started = await startDaybook({ config: configOf(options), directory }).catch(() => undefined);
    if (started === undefined) {
      reads.notStarted += 1;
      return [];
    }
    await using daybook = started;
    const wrong: string[] = [];
    for (const [id, hash] of known) {
      const answer = await daybook.fetch(`/v1/messages/${id}/raw`);
      const body = Buffer.from(await answer.arrayBuffer().catch(() => new ArrayBuffer(0)));
      if (!answer.ok) reads.refused += 1;
      else if (sha256(body) === hash) reads.right += 1;
      else wrong.push(`wrong bytes of ${id}: ${place}`);
    }
    return wrong;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
