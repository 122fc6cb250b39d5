import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '../src/store/bytes.types.ts';
import { openCommitLog } from '../src/store/commit-log.ts';
import type { LogPosition, LogRecord } from '../src/store/commit-log.types.ts';
import { openLevelBytes } from '../src/store/level-bytes.ts';
import { sha256Of } from '../src/store/record.ts';
import { openSegmentBytes } from '../src/store/segment-bytes.ts';

/**
 * The commit log against a bare `writev` + `fdatasync` of the same bytes: 32 messages of 75 KB at once, as 32 connections
 * send them. Rounds of all take turns, so that a busy neighbour meets each alike. Ratios hold elsewhere, rates do not.
 *
 *   node dist/bench/commit-log.js [groups for each round, default 40] [folder]
 */
const [groups = 40, rounds] = [Number(process.argv[2] ?? 40), 5];
const parent = process.argv[3] ?? tmpdir();
const messageBytes = 75 * 1024;
const groupSize = 32;
const message = randomBytes(messageBytes);
const pieces = [message.subarray(0, 65_536), message.subarray(65_536)];
const payloadSha256 = sha256Of(pieces);
const facts = {
  intakeId: '01JD0000000000000000000000',
  recipients: ['journal@daybook.example'],
  from: 'x'.repeat(300),
};

interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
  readonly writtenBytes: number;
}

const contenders = {
  raw: async (directory: string) => {
    const file = await open(join(directory, 'raw'), 'w');
    let at = 0;
    for (let group = 0; group < groups; group += 1) {
      const all = Array.from({ length: groupSize }, () => pieces).flat();
      at += (await file.writev(all, at)).bytesWritten;
      await file.datasync();
    }
    await file.close();
  },
  segments: async (directory: string) => fill(await openSegmentBytes({ directory: join(directory, 'commitlog') })),
  leveldb: async (directory: string) => fill(await openLevelBytes({ directory: join(directory, 'bodies') })),
};

async function fill(bytes: Bytes): Promise<void> {
  await using log = await openCommitLog({ bytes, now: Date.now, fold: async () => undefined, foldedUpTo: null });
  for (let group = 0; group < groups; group += 1) {
    const draft = { kind: 'intake', facts, payload: pieces, payloadSha256 } as const;
    await Promise.all(Array.from({ length: groupSize }, () => log.append(draft)));
  }
}

async function measure(run: (directory: string) => Promise<void>): Promise<Cost> {
  const directory = await mkdtemp(join(parent, 'daybook-bench-'));
  try {
    const [writtenBefore, cpuBefore, before] = [await writtenBytes(), process.cpuUsage(), performance.now()];
    await run(directory);
    const ms = performance.now() - before;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { ms, cpuMs: (user + system) / 1_000, writtenBytes: (await writtenBytes()) - writtenBefore };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Bytes this process has sent to the disk, as Linux counts them; 0 elsewhere. */
async function writtenBytes(): Promise<number> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => '');
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? 0);
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Opening with a 256 MB segment that was never sealed, the index at its end. */
async function measureOpen(recordBytes: number): Promise<string> {
  const directory = await mkdtemp(join(parent, 'daybook-bench-'));
  try {
    const bytes = await openSegmentBytes({ directory });
    const payload = [randomBytes(recordBytes)];
    let last: LogRecord | undefined;
    const log = await openCommitLog({ bytes, now: Date.now, fold: async () => undefined, foldedUpTo: null });
    const records = Math.min(60_000, Math.floor((250 * 1024 * 1024) / (recordBytes + 600)));
    for (let done = 0; done < records; done += 200) {
      const appends = Array.from({ length: 200 }, () => log.append({ kind: 'intake', facts, payload }));
      last = (await Promise.all(appends)).at(-1);
    }
    await bytes[Symbol.asyncDispose]();
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = performance.now();
      const foldedUpTo = last as LogPosition;
      const again = await openSegmentBytes({ directory });
      await openCommitLog({ bytes: again, now: Date.now, fold: async () => undefined, foldedUpTo });
      times.push(performance.now() - before);
      await again[Symbol.asyncDispose]();
    }
    return `open, 256 MB of ${recordBytes} byte records: ${median(times).toFixed(0)} ms (${records} records)`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const costs = new Map<string, Cost[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, run] of Object.entries(contenders)) {
    const cost = await measure(run);
    if (round > 0) costs.set(name, [...(costs.get(name) ?? []), cost]);
  }
}
const messages = groups * groupSize;
const raw = costs.get('raw') ?? [];
for (const [name, runs] of costs) {
  const cpuMs = median(runs.map((run) => run.cpuMs)) / messages;
  const ratio = median(runs.map((run, index) => run.ms / (raw[index]?.ms ?? run.ms)));
  const amplification = median(runs.map((run) => run.writtenBytes)) / (messages * messageBytes);
  const rate = (messages / median(runs.map((run) => run.ms))) * 1_000;
  console.log(
    `${name.padEnd(9)} ${ratio.toFixed(2)} x the time of raw, ${cpuMs.toFixed(3)} ms CPU a message, ` +
      `${amplification.toFixed(2)} bytes written a byte, ${rate.toFixed(0)} messages/s`,
  );
}
for (const recordBytes of [75 * 1024, 4 * 1024]) console.log(await measureOpen(recordBytes));
