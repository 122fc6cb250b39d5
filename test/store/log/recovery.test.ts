import { chmod, mkdtemp, open, readdir, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCommitLog } from '../../../src/store/commit-log.ts';
import type { LogPosition, LogRecord } from '../../../src/store/commit-log.types.ts';
import { encodeRecord } from '../../../src/store/record.ts';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-recovery-'));
});
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const segment = (firstSeq: number) => join(directory, `${String(firstSeq).padStart(20, '0')}.seg`);
const intake = (text: string, bytes: number) =>
  ({ kind: 'intake', facts: { text }, payload: [Buffer.alloc(bytes, text)] }) as const;

async function start(foldedUpTo: LogPosition | null = null, segmentBytes?: number) {
  const folded: LogRecord[] = [];
  const log = await openCommitLog({
    bytes: await openSegmentBytes({ directory, ...(segmentBytes === undefined ? {} : { segmentBytes }) }),
    now: () => 1,
    fold: async (group) => {
      folded.push(...group);
    },
    foldedUpTo,
    mark: 99,
  });
  opened.push(log);
  return { log, folded, texts: () => folded.map(({ facts }) => (facts as { text: string }).text) };
}

/** Writes these records and dies: nothing is sealed. */
async function writeAndDie(sizes: readonly number[], segmentBytes?: number): Promise<LogRecord[]> {
  const bytes = await openSegmentBytes({ directory, ...(segmentBytes === undefined ? {} : { segmentBytes }) });
  const log = await openCommitLog({ bytes, now: () => 1, fold: async () => undefined, foldedUpTo: null, mark: 99 });
  const records: LogRecord[] = [];
  for (const [index, size] of sizes.entries()) records.push(await log.append(intake(`r${index + 1}`, size)));
  await bytes[Symbol.asyncDispose]();
  return records;
}
async function flip(path: string, offset: number): Promise<void> {
  const { mode } = await stat(path);
  await chmod(path, 0o600);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = (byte[0] as number) ^ 0x10;
  await file.write(byte, 0, 1, offset);
  await file.close();
  await chmod(path, mode);
}
/** Where each record begins, and where the last one ends. */
function offsetsOf(records: readonly LogRecord[]): number[] {
  const offsets = [0];
  for (const { facts, payloadLength } of records) {
    offsets.push((offsets.at(-1) as number) + 128 + Buffer.byteLength(JSON.stringify(facts)) + payloadLength);
  }
  return offsets;
}

describe('the start of the commit log on segments', () => {
  test('a tail torn at any byte of the last two records is cut, and what was whole before is kept', async () => {
    const records = await writeAndDie([40, 30, 20, 10]);
    const offsets = offsetsOf(records);
    const whole = await readFile(segment(1));
    expect(offsets.at(-1)).toBe(whole.length);
    for (let length = offsets[2] as number; length <= whole.length; length += 1) {
      await writeFile(segment(1), whole.subarray(0, length));
      const { log, texts } = await start();
      const kept = offsets.findLastIndex((offset) => offset <= length);
      expect(texts(), `cut at ${length}`).toEqual(records.slice(0, kept).map((_, index) => `r${index + 1}`));
      expect(log.recovery).toEqual({ tornBytes: length - (offsets[kept] as number), damaged: [], folded: kept });
      expect((await log.append(intake('new', 5))).seq).toBe(kept + 1);
      await log[Symbol.asyncDispose]();
      if (length % 7 === 0) {
        const again = await start();
        expect(again.texts()).toEqual(texts());
        expect(again.log.recovery).toEqual({ tornBytes: 0, damaged: [], folded: kept + 1 });
        await again.log[Symbol.asyncDispose]();
      }
      await unlink(segment(1));
    }
  });

  test('zeros, and half a page of them, at the end are a torn tail', async () => {
    const records = await writeAndDie([1_000, 1_000]);
    const whole = await readFile(segment(1));
    const tails = [
      Buffer.concat([whole, Buffer.alloc(300)]),
      Buffer.concat([whole.subarray(0, -500), Buffer.alloc(500)]),
      Buffer.concat([whole.subarray(0, offsetsOf(records)[1]), Buffer.alloc(5_000)]),
    ];
    for (const [index, tail] of tails.entries()) {
      await rm(segment(1));
      await writeFile(segment(1), tail);
      const { log, texts } = await start();
      expect(texts()).toEqual(index === 0 ? ['r1', 'r2'] : ['r1']);
      expect(log.recovery.tornBytes).toBe(tail.length - (offsetsOf(records)[index === 0 ? 2 : 1] as number));
      expect(log.recovery.damaged).toEqual([]);
      await log[Symbol.asyncDispose]();
    }
  });

  test('a footer written in part is torn off, and the segment goes on', async () => {
    await writeAndDie([100, 100]);
    const whole = await readFile(segment(1));
    const first = await start();
    await first.log[Symbol.asyncDispose]();
    const sealed = await readFile(segment(1));
    for (let length = whole.length; length < sealed.length; length += 1) {
      await rm(segment(1), { force: true });
      await writeFile(segment(1), sealed.subarray(0, length));
      const { log, texts } = await start();
      expect(texts()).toEqual(['r1', 'r2']);
      expect(log.recovery.tornBytes).toBe(length - whole.length);
      expect(log.recovery.damaged).toEqual([]);
      await log[Symbol.asyncDispose]();
    }
  });

  test('a damaged head is reported with file and offset; all other records are served', async () => {
    const records = await writeAndDie([500, 600, 700, 800]);
    const offsets = offsetsOf(records);
    await flip(segment(1), (offsets[1] as number) + 100);
    const { log, texts } = await start();
    expect(texts()).toEqual(['r1', 'r3', 'r4']);
    expect(log.recovery).toMatchObject({ tornBytes: 0, folded: 3 });
    expect(log.recovery.damaged).toEqual([
      { file: expect.stringMatching(/\/0{19}1\.seg$/), offset: offsets[1], text: 'record 2 is damaged' },
    ]);
    await expect(log.slice(2, 0, 1)).rejects.toMatchObject({ code: 'damaged' });
    expect(Buffer.from(await log.slice(3, 0, 2)).toString()).toBe('r3');
    // What comes after goes on with the next number, in a segment of its own.
    expect((await log.append(intake('new', 5))).seq).toBe(5);
    expect(await readdir(directory)).toHaveLength(2);
    await log[Symbol.asyncDispose]();
    const again = await start();
    expect(again.texts()).toEqual(['r1', 'r3', 'r4', 'new']);
    expect(again.log.recovery.damaged).toHaveLength(1);
  });

  test('a damaged length field, and everything up to the next record with it, is one place of damage', async () => {
    const records = await writeAndDie([500, 600, 700, 800]);
    await flip(segment(1), (offsetsOf(records)[1] as number) + 28);
    const { log, texts } = await start();
    expect(texts()).toEqual(['r1', 'r3', 'r4']);
    expect(log.recovery.damaged).toHaveLength(1);
  });

  test('the next record is found wherever it begins, also across the border of two reads', async () => {
    const facts = Buffer.byteLength(JSON.stringify({ text: 'r1' }));
    for (const shift of [0, 1, 2, 3]) {
      await writeAndDie([1024 * 1024 + 1 - shift - 128 - facts, 10]);
      await flip(segment(1), 5);
      const { log, texts } = await start();
      expect(texts(), `shift ${shift}`).toEqual(['r2']);
      await log[Symbol.asyncDispose]();
      await rm(segment(1));
    }
  });

  test('a damaged payload is reported, its record stays, and its bytes are refused', async () => {
    const records = await writeAndDie([500, 600, 700]);
    const offsets = offsetsOf(records);
    await flip(segment(1), (offsets[2] as number) - 10);
    const { log, texts } = await start();
    expect(texts()).toEqual(['r1', 'r2', 'r3']);
    expect(log.recovery.damaged).toEqual([
      expect.objectContaining({ offset: offsets[1], text: expect.stringContaining('payload of record 2') }),
    ]);
    await expect(log.slice(2, 0, 10)).rejects.toMatchObject({ code: 'damaged' });
    expect(await log.slice(1, 0, 500)).toHaveLength(500);
  });

  test('damage before the place where the index stands does not hide what comes after', async () => {
    const records = await writeAndDie([500, 600, 700, 800, 900]);
    await flip(segment(1), (offsetsOf(records)[1] as number) + 2);
    const { log, texts } = await start(records[3] as LogRecord);
    expect(texts()).toEqual(['r5']);
    expect(log.recovery.damaged).toHaveLength(1);
    expect(Buffer.from(await log.slice(5, 0, 2)).toString()).toBe('r5');
    expect(Buffer.from(await log.slice(4, 0, 2)).toString()).toBe('r4');
    await expect(log.slice(2, 0, 2)).rejects.toMatchObject({ code: 'damaged' });
  });

  test('a record inside a mail is not taken for one of the log, when what is around it is torn', async () => {
    await writeAndDie([100]);
    const place = { seq: 3, at: 1, mark: 98, previousHash: 'ab'.repeat(32) };
    const forged = encodeRecord({ kind: 'command', facts: { text: 'forged' }, payload: [] }, place);
    const whole = await readFile(segment(1));
    await writeFile(segment(1), Buffer.concat([whole, Buffer.alloc(200), forged.head, Buffer.alloc(9)]));
    const { log, texts } = await start();
    expect(texts()).toEqual(['r1']);
    expect(log.recovery.tornBytes).toBe(200 + forged.head.length + 9);
  });

  test('damage in a sealed segment is named and the rest of all segments is served', async () => {
    const sizes = Array.from({ length: 12 }, () => 400);
    const records = await writeAndDie(sizes, 2_000);
    const files = (await readdir(directory)).sort();
    expect(files.length).toBeGreaterThan(3);
    const damagedSeq = Number((files[1] as string).slice(0, -4)) + 1;
    const [before] = records.slice(damagedSeq - 2);
    await flip(join(directory, files[1] as string), 128 + 13 + (before?.payloadLength as number) + 40);
    const { log, texts } = await start(null, 2_000);
    expect(texts()).toEqual(records.map(({ seq }) => `r${seq}`).filter((text) => text !== `r${damagedSeq}`));
    expect(log.recovery.damaged).toEqual([
      expect.objectContaining({
        file: expect.stringContaining(files[1] as string),
        text: `record ${damagedSeq} is damaged`,
      }),
    ]);
    // The footer still leads to its payload, which has a hash of its own; as a record it does not count.
    expect(Buffer.from(await log.slice(damagedSeq, 0, 2)).toString()).toBe(`r${damagedSeq}`);
    await expect(
      log
        .records(damagedSeq - 1)
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining(files[1] as string),
    });
    const next = await log.records(damagedSeq)[Symbol.asyncIterator]().next();
    expect((next.value as LogRecord).seq).toBe(damagedSeq + 1);
    expect(await log.slice(damagedSeq + 1, 0, 400)).toHaveLength(400);
  });

  test('a damaged footer costs nothing but a report', async () => {
    await writeAndDie(
      Array.from({ length: 12 }, () => 400),
      2_000,
    );
    const files = (await readdir(directory)).sort();
    const { size } = await stat(join(directory, files[1] as string));
    for (const offset of [size - 90, size - 1, size - 97]) {
      await flip(join(directory, files[1] as string), offset);
      const { log, texts } = await start(null, 2_000);
      expect(texts()).toHaveLength(12);
      expect(log.recovery.damaged).toEqual([
        expect.objectContaining({ file: expect.stringContaining(files[1] as string), text: 'the footer is damaged' }),
      ]);
      for (let seq = 1; seq <= 12; seq += 1) expect(await log.slice(seq, 0, 400)).toHaveLength(400);
      await log[Symbol.asyncDispose]();
      await flip(join(directory, files[1] as string), offset);
    }
  });

  test('a missing segment is reported by its name and the numbers it held', async () => {
    await writeAndDie(
      Array.from({ length: 12 }, () => 400),
      2_000,
    );
    const files = (await readdir(directory)).sort();
    await rm(join(directory, files[1] as string));
    const [from, until] = [files[1], files[2]].map((name) => Number((name as string).slice(0, -4))) as [number, number];
    const { log } = await start(null, 2_000);
    expect(log.recovery.damaged).toEqual([
      expect.objectContaining({
        file: expect.stringMatching(new RegExp(`${files[1]}$`)),
        text: `is missing: records ${from} to ${until - 1} are in no file`,
      }),
    ]);
    await expect(log.slice(from, 0, 1)).rejects.toMatchObject({ code: expect.stringMatching(/missing|damaged/) });
    expect(await log.slice(until, 0, 400)).toHaveLength(400);
  });

  test('segments before the place where the index stands are not read', async () => {
    const records = await writeAndDie(
      Array.from({ length: 12 }, () => 400),
      2_000,
    );
    const files = (await readdir(directory)).sort();
    for (const name of files.slice(0, -2)) {
      await chmod(join(directory, name), 0o600);
      await truncate(join(directory, name), 0);
    }
    const { log, texts } = await start(records[10] as LogRecord, 2_000);
    expect(texts()).toEqual(['r12']);
    expect(log.recovery.damaged).toEqual([]);
  });

  test('nothing is cut while the index does not belong to the log', async () => {
    const records = await writeAndDie([100, 100]);
    const whole = await readFile(segment(1));
    await flip(segment(1), (offsetsOf(records)[1] as number) + 50);
    await expect(start(records[1] as LogRecord)).rejects.toMatchObject({ code: 'index-unknown' });
    expect((await stat(segment(1))).size).toBe(whole.length);
  });
});
