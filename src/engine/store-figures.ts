import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { readSignedHead } from '../evidence/head.ts';
import type { EngineApi } from '../http/api.types.ts';
import type { StoreFigures } from '../http/store.schema.ts';
import { textIndexFolder } from '../store/text-index.ts';
import type { Workshop } from './workshop.ts';

/** Looking at the size of each file costs some ten microseconds, and a large index has ten thousand. */
const freshMs = 30_000;
const dayMs = 86_400_000;
/** Growth is that of a week: a weekend is in it, whatever day it is. */
const lookBackMs = 7 * dayMs;
/** Of a shorter time nobody should tell a year. */
const shortestMs = 3_600_000;

type Parts = Pick<Workshop, 'store' | 'clock' | 'options' | 'logBytes'>;

/** What `GET /v1/store` answers. Asked by many at once it looks once. */
export function storeFigures(parts: Parts): EngineApi['storeFigures'] {
  let known: { readonly at: number; readonly figures: Promise<StoreFigures> } | null = null;
  return () => {
    const at = parts.clock.now();
    if (known !== null && at - known.at < freshMs) return known.figures;
    const figures = look(parts, at);
    const asked = { at, figures };
    known = asked;
    // A look that failed is not kept.
    figures.catch(() => {
      if (known === asked) known = null;
    });
    return figures;
  };
}

async function look({ store, options, logBytes }: Parts, now: number): Promise<StoreFigures> {
  const { dataDir, store: storing } = options;
  const folder = storing.bytes === 'leveldb' ? 'bodies' : 'commitlog';
  const [log, index, text, logs] = await Promise.all([
    filesIn(join(dataDir, folder)),
    filesIn(join(dataDir, 'index')),
    filesIn(join(dataDir, textIndexFolder)),
    filesIn(join(dataDir, 'logs')),
  ]);
  const { bavail, bsize, blocks } = await statfs(dataDir);
  const disk = {
    freeBytes: bavail * bsize,
    minimumFreeBytes: storing.minimumFreeBytes,
    totalBytes: blocks * bsize,
  };
  const elsewhere = await logBytes();
  const bytes = {
    log: bytesOf(log) + elsewhere,
    index: bytesOf(index),
    textIndex: bytesOf(text),
    detailedLogs: bytesOf(logs),
  };
  const records = store.log.head.seq;
  return {
    bytes,
    records,
    segments: storing.bytes === 'segments' ? log.filter(({ name }) => name.endsWith('.seg')).length : null,
    encrypted: store.log.isEncrypted,
    disk,
    growth: await growthOf(store, { now, records, bytes: bytes.log + bytes.index + bytes.textIndex, disk }),
    lastHead: readSignedHead((await store.evidence.signed())?.facts),
  };
}

interface Size {
  readonly now: number;
  readonly records: number;
  readonly bytes: number;
  readonly disk: StoreFigures['disk'];
}

/** By the records of the last days and the room that a record takes: the log says when each came, and is not read for it. */
async function growthOf(store: Parts['store'], { now, records, bytes, disk }: Size): Promise<StoreFigures['growth']> {
  if (records === 0) return null;
  const timeOf = async (seq: number): Promise<number> => (await store.log.record(seq)).record.at;
  const first = await timeOf(1).catch(() => null);
  if (first === null || now - first < shortestMs) return null;
  const from = Math.max(first, now - lookBackMs);
  const before = from === first ? 0 : await lastBefore(from, records, timeOf);
  const days = (now - from) / dayMs;
  const bytesPerDay = Math.round((((records - before) / records) * bytes) / days);
  const room = Math.max(0, disk.freeBytes - disk.minimumFreeBytes);
  return { days, records: records - before, bytesPerDay, daysLeft: bytesPerDay === 0 ? null : room / bytesPerDay };
}

/** The last record that came before `at`: times grow with the numbers, so some twenty of them are looked at. */
async function lastBefore(at: number, records: number, timeOf: (seq: number) => Promise<number>): Promise<number> {
  let [low, high] = [0, records];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    // What cannot be read is taken for old: damage makes the archive no younger.
    const time = await timeOf(middle).catch(() => 0);
    if (time < at) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface StoredFile {
  readonly name: string;
  readonly size: number;
}

/** The files of a folder and those below it; none where it is not there. */
async function filesIn(folder: string): Promise<readonly StoredFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(
    files.map(async ({ name, parentPath }) => {
      // Files come and go meanwhile.
      const { size } = await stat(join(parentPath, name)).catch(() => ({ size: 0 }));
      return { name, size };
    }),
  );
}

const bytesOf = (files: readonly StoredFile[]): number => files.reduce((sum, { size }) => sum + size, 0);
