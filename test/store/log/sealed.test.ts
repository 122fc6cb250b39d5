import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Bytes } from '../../../src/store/bytes.types.ts';
import { openCommitLog } from '../../../src/store/commit-log.ts';
import { blockName, blockRecords, KeyBlock } from '../../../src/store/key-block.ts';
import { decodeHead, type EncodedRecord, hashedBytes } from '../../../src/store/record.ts';
import { openRecordKeys, type RecordKeys } from '../../../src/store/record-keys.ts';
import { sealedBytes } from '../../../src/store/sealed-bytes.ts';
import { openHead, sealRecord } from '../../../src/store/sealed-record.ts';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';
import { createUnseal } from '../../../src/store/unseal.ts';
import { type Verified, verifySegments } from '../../../src/store/verify-segments.ts';
import { chain, openReady, recordsOf, scanAll } from '../../contracts/bytes.contract.ts';
import { masterKey } from '../../support/master-keys.ts';
import { openSealed } from '../../support/sealed-home.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-sealed-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const directory = () => join(folder, 'commitlog');
const open = (): Promise<Bytes> =>
  openSealed(folder, (unseal) => openSegmentBytes({ directory: directory(), segmentBytes: 1_000_000, unseal }));
const keysOf = (): Promise<RecordKeys> => openRecordKeys(join(folder, 'keys'), masterKey());
const segment = async () => join(directory(), (await readdir(directory())).find((name) => name.endsWith('.seg')) ?? '');

/** Writes the records; sealed and read-only in the end where `seal`. */
async function write(records: readonly EncodedRecord[], seal = true): Promise<void> {
  await using bytes = await openReady({ open, remove: async () => undefined });
  await bytes.append(records, true);
  if (seal) await bytes.seal();
}
async function change(path: string, edit: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  edit(bytes);
  await rm(path);
  await writeFile(path, bytes, { mode: 0o444 });
}
async function verified(keys: RecordKeys | null): Promise<readonly Verified[]> {
  const steps: Verified[] = [];
  for await (const step of verifySegments({ directory: directory(), upTo: null, unseal: createUnseal(keys) }))
    steps.push(step);
  return steps;
}
const faultsOf = (steps: readonly Verified[]) =>
  steps.flatMap((step) => (step.kind === 'fault' ? [step.fault.text] : []));

describe('a sealed record', () => {
  const block = () => KeyBlock.make(folder, 1, masterKey());

  test('has the hash, the header and the proof of the record in clear, and reads back as it', async () => {
    const keys = await block();
    const [, plain] = chain([10, 5_000]) as [EncodedRecord, EncodedRecord];
    const sealed = sealRecord(plain, keys);
    expect(sealed.record).toEqual(plain.record);
    expect(sealed.payload.reduce((sum, { length }) => sum + length, 0)).toBe(5_000);
    expect(sealed.head.includes('facts of')).toBe(false);
    const head = decodeHead(sealed.head);
    expect(head?.record).toEqual({ ...plain.record, facts: undefined });
    const opened = openHead(head!, keys);
    expect(opened.record).toEqual(plain.record);
    expect(hashedBytes(opened)).toEqual(plain.head.subarray(0, -32));
  });

  test('is another one each time it is written, with the same keys', async () => {
    const keys = await block();
    const [plain] = chain([100]) as [EncodedRecord];
    const [a, b] = [sealRecord(plain, keys), sealRecord(plain, keys)];
    expect(Buffer.concat(a.payload)).not.toEqual(Buffer.concat(b.payload));
    expect(a.head.subarray(96, 120)).not.toEqual(b.head.subarray(96, 120));
  });

  test('with one bit flipped anywhere is no record, or its payload is not right', async () => {
    const keys = await block();
    const [plain] = chain([33]) as [EncodedRecord];
    const sealed = sealRecord(plain, keys);
    const bytes = Buffer.concat([sealed.head, ...sealed.payload]);
    const unseal = createUnseal({ blockOf: async () => keys });
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const head = decodeHead(flipped);
      if (head === null) continue;
      const check = await unseal.payload(head);
      if (typeof check === 'string') throw new Error(check);
      check.update(flipped.subarray(sealed.head.length));
      expect(check.isRight(), `bit ${bit}`).toBe(false);
    }
  });

  test('that was put under another number, or under other keys, does not open', async () => {
    const keys = await block();
    const [one, two] = chain([20, 20]).map((plain) => sealRecord(plain, keys)) as [EncodedRecord, EncodedRecord];
    const head = decodeHead(two.head)!;
    const forged = { ...head, seal: { ...head.seal!, facts: decodeHead(one.head)!.seal!.facts } };
    expect(() => openHead(forged, keys)).toThrow(/cannot be decrypted/);
    const others = await KeyBlock.make(folder, 1, masterKey());
    expect(() => openHead(head, others)).toThrow(/cannot be decrypted/);
  });
});

test('bytes from anywhere in a payload are those that were written', async () => {
  const records = chain([70_000]);
  await write(records);
  const payload = Buffer.concat(records[0]!.payload);
  await using bytes = await openReady({ open, remove: async () => undefined });
  await fc.assert(
    fc.asyncProperty(fc.nat(70_000), fc.nat(300), async (offset, size) => {
      const length = Math.min(size, 70_000 - offset);
      const into = Buffer.alloc(length);
      expect(Buffer.from(await bytes.slice(1, offset, length))).toEqual(payload.subarray(offset, offset + length));
      expect(await bytes.slice(1, offset, length, into)).toBe(into);
      expect(into).toEqual(payload.subarray(offset, offset + length));
    }),
    { numRuns: 200 },
  );
});

test('payloads swapped on the disk are found by a verification, and read as no mail that was written', async () => {
  const records = chain([100, 100]);
  await write(records);
  const path = await segment();
  await change(path, (bytes) => {
    const heads = [0, 1].map((at) => sizeOfHead(records[at]!));
    const [first, second] = [heads[0]!, heads[0]! + 100 + heads[1]!];
    const kept = Buffer.from(bytes.subarray(first, first + 100));
    bytes.copyWithin(first, second, second + 100);
    kept.copy(bytes, second);
  });
  await using keys = await keysOf();
  expect(faultsOf(await verified(keys))).toEqual(
    [1, 2].map((seq) => `the payload of record ${seq} is not what its hash says`),
  );
  await using bytes = await openReady({ open, remove: async () => undefined });
  await expect(bytes.slice(1, 0, 100)).rejects.toMatchObject({ code: 'damaged' });
  await expect(bytes.slice(2, 0, 100)).rejects.toMatchObject({ code: 'damaged' });
});
const sizeOfHead = ({ head }: EncodedRecord): number => head.length + 76;

test('without a key the chain is still checked, and what is not looked at is said', async () => {
  await write(chain([100, 0, 200]));
  const steps = await verified(null);
  expect(faultsOf(steps)).toEqual([]);
  const seen = steps.flatMap((step) => (step.kind === 'record' ? [[step.head.record.seq, step.isUnread]] : []));
  expect(seen).toEqual([
    [1, true],
    [2, true],
    [3, true],
  ]);
  await change(await segment(), (bytes) => bytes.writeUInt8(bytes.readUInt8(97) ^ 1, 97));
  expect(faultsOf(await verified(null))).toHaveLength(1);
});

test('a torn tail is cut, and a key that cannot be read cuts nothing', async () => {
  const records = chain([300, 400, 500]);
  await write(records, false);
  const block = join(folder, 'keys', blockName(1));
  const good = await readFile(block);
  const path = await segment();
  await rm(path);
  const bytes = Buffer.concat([...(await plainSealed(records.slice(0, 2))), Buffer.alloc(4_000)]);
  await writeFile(path, bytes, { mode: 0o600 });
  const broken = Buffer.from(good);
  broken[30] = (broken[30] as number) ^ 1;
  await writeFile(block, broken);
  {
    await using unread = await open();
    const found = await scanAll(unread);
    expect(recordsOf(found)).toEqual([]);
    expect(found.filter(({ kind }) => kind === 'damage')).toHaveLength(2);
    await unread.ready();
    expect(unread.nextSeq).toBe(3);
  }
  await writeFile(block, good);
  await using again = await open();
  const found = await scanAll(again);
  expect(recordsOf(found)).toEqual(records.slice(0, 2).map(({ record }) => record));
});

/** The records as they would stand in a segment. */
async function plainSealed(records: readonly EncodedRecord[]): Promise<readonly Buffer[]> {
  await using keys = await keysOf();
  const at = await keys.ready(1, records.length);
  return records.map((plain) => {
    const { head, payload } = sealRecord(plain, at(plain.record.seq));
    return Buffer.concat([head, ...payload]);
  });
}

test('keys that are missing altogether refuse the start instead of an index without mail', async () => {
  await write(chain([300]));
  await rm(join(folder, 'keys'), { recursive: true });
  await using bytes = await open();
  await expect(scanAll(bytes)).rejects.toMatchObject({ code: 'key-unusable' });
});

test('a destroyed key leaves head, facts and chain, and no byte of the payload', async () => {
  const records = chain([300, 400]);
  await write(records);
  {
    await using keys = await keysOf();
    await keys.destroy([1]);
  }
  await using keys = await keysOf();
  const steps = await verified(keys);
  expect(faultsOf(steps)).toEqual([]);
  expect(steps.flatMap((step) => (step.kind === 'record' ? [step.isDropped] : []))).toEqual([true, false]);
  await using bytes = await openReady({ open, remove: async () => undefined });
  expect((await bytes.read(1)).record).toEqual(records[0]?.record);
  await expect(bytes.slice(1, 0, 300)).rejects.toMatchObject({ code: 'missing' });
  expect(Buffer.from(await bytes.slice(2, 0, 400))).toEqual(Buffer.concat(records[1]!.payload));
});

test('records in clear and sealed ones lie side by side', async () => {
  const records = chain([50, 60]);
  {
    await using bytes = await openReady({
      open: () => openSegmentBytes({ directory: directory() }),
      remove: async () => undefined,
    });
    await bytes.append(records.slice(0, 1), true);
  }
  await using bytes = await openReady({ open, remove: async () => undefined });
  await bytes.append(records.slice(1), true);
  for (const { record, payload } of records) {
    expect((await bytes.read(record.seq)).record).toEqual(record);
    expect(Buffer.from(await bytes.slice(record.seq, 0, record.payloadLength))).toEqual(Buffer.concat(payload));
  }
  const onDisk = await readFile(await segment());
  expect(onDisk.includes(Buffer.concat(records[0]!.payload))).toBe(true);
  expect(onDisk.includes(Buffer.concat(records[1]!.payload))).toBe(false);
});

test('a log goes on over the end of a block of keys, each record readable, none without its keys on the disk', async () => {
  const openLog = async () => {
    const keys = await keysOf();
    const bytes = sealedBytes(await openSegmentBytes({ directory: directory(), unseal: createUnseal(keys) }), keys);
    return openCommitLog({ bytes, keys, now: () => 1, fold: async () => undefined, foldedUpTo: null });
  };
  const count = blockRecords + 300;
  const textOf = (seq: number): string => `payload ${seq}`;
  {
    await using log = await openLog();
    const drafts = Array.from({ length: count }, (_, at) => ({ facts: at, payload: [Buffer.from(textOf(at + 1))] }));
    await Promise.all(drafts.map((draft) => log.append({ kind: 'event', ...draft })));
  }
  await using log = await openLog();
  expect(log.recovery).toMatchObject({ folded: count, damaged: [], tornBytes: 0 });
  for (const seq of [1, blockRecords, blockRecords + 1, count]) {
    expect((await log.record(seq)).record.facts).toBe(seq - 1);
    expect(Buffer.from(await log.slice(seq, 0, textOf(seq).length)).toString()).toBe(textOf(seq));
  }
});
