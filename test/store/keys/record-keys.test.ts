import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { blockName, blockRecords, blocksIn, inspectKeyFile, KeyBlock } from '../../../src/store/key-block.ts';
import { openRecordKeys } from '../../../src/store/record-keys.ts';
import { masterKey } from '../../support/master-keys.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'daybook-keys-')), 'keys');
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const pathOf = (firstSeq: number) => join(directory, blockName(firstSeq));
const flip = async (path: string, at: number, bit: number) => {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  await writeFile(path, bytes);
};

test('keys are on the disk before they are used, differ for each record, and are the same when read again', async () => {
  const keys = new Set<string>();
  {
    await using room = await openRecordKeys(directory, masterKey());
    const at = await room.ready(1, 3);
    for (const seq of [1, 2, 3]) {
      expect((await KeyBlock.read(directory, 1, masterKey())).payloadKey(seq)).toEqual(at(seq).payloadKey(seq));
      keys.add(at(seq).payloadKey(seq).toString('hex'));
    }
    keys.add(at(1).factsKey.toString('hex'));
    expect(keys.size).toBe(4);
  }
  await using again = await openRecordKeys(directory, masterKey());
  const key = (await again.blockOf(2)).payloadKey(2);
  expect(keys.has(key.toString('hex'))).toBe(true);
  expect((await stat(pathOf(1))).mode & 0o777).toBe(0o600);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test('the next block is made ahead, and a group may lie in two', async () => {
  await using room = await openRecordKeys(directory, masterKey());
  await room.ready(1, 1);
  const at = await room.ready(blockRecords, blockRecords + 2);
  expect(await blocksIn(directory)).toEqual([1, blockRecords + 1]);
  expect(at(blockRecords).firstSeq).toBe(1);
  expect(at(blockRecords + 1).firstSeq).toBe(blockRecords + 1);
  expect(() => at(2 * blockRecords + 1)).toThrow(RangeError);
  await room[Symbol.asyncDispose]();
  expect(await blocksIn(directory)).toEqual([1, blockRecords + 1, 2 * blockRecords + 1]);
});

test('a destroyed key is gone from memory and from the disk at once, and its neighbours stay', async () => {
  await using room = await openRecordKeys(directory, masterKey());
  const at = await room.ready(1, 9);
  const before = await readFile(pathOf(1));
  await room.destroy([2, 5, 99_999]);
  expect(at(2).payloadKey(2)).toBe('destroyed');
  const onDisk = await KeyBlock.read(directory, 1, masterKey());
  expect(onDisk.payloadKey(5)).toBe('destroyed');
  expect(onDisk.payloadKey(4)).toEqual(at(4).payloadKey(4));
  const after = await readFile(pathOf(1));
  expect(after.length).toBe(before.length);
  const changed = [...after.keys()].filter((index) => after[index] !== before[index]);
  expect(changed.length).toBeLessThanOrEqual(40);
  expect(changed.every((index) => after[index] === 0)).toBe(true);
  expect((await inspectKeyFile(directory, blockName(1), 1)).faults).toEqual([]);
});

test('a salt that is damaged before its record is written is drawn anew, durably', async () => {
  const slotOf = (seq: number) => (seq - 1) * 20 + 8_192;
  {
    await using room = await openRecordKeys(directory, masterKey());
    await room.ready(1, 1);
  }
  await flip(pathOf(1), slotOf(7) + 3, 4);
  expect((await KeyBlock.read(directory, 1, masterKey())).payloadKey(7)).toBe('damaged');
  await using room = await openRecordKeys(directory, masterKey());
  const key = (await room.ready(6, 8))(7).payloadKey(7);
  expect(key).toBeInstanceOf(Buffer);
  expect((await KeyBlock.read(directory, 1, masterKey())).payloadKey(7)).toEqual(key);
});

test('another master key, a missing block and a damaged one are told apart', async () => {
  {
    await using room = await openRecordKeys(directory, masterKey());
    await room.ready(1, 1);
  }
  await using other = await openRecordKeys(directory, masterKey('two'));
  const refusal = await other.blockOf(1).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'key-unusable' });
  expect(String(refusal)).toContain(masterKey().id);
  expect(String(refusal)).toContain(masterKey('two').id);
  await using room = await openRecordKeys(directory, masterKey());
  await expect(room.blockOf(3 * blockRecords)).rejects.toMatchObject({ code: 'missing' });
  await flip(pathOf(1), 40, 0);
  await expect(room.blockOf(1)).rejects.toMatchObject({ code: 'damaged' });
});

test('one flipped bit anywhere in a block is found without the master key', async () => {
  await KeyBlock.make(await folder(), 1, masterKey());
  const bytes = await readFile(pathOf(1));
  expect((await inspectKeyFile(directory, blockName(1), 1)).faults).toEqual([]);
  for (let at = 0; at < bytes.length; at += at < 120 ? 1 : 997) {
    await flip(pathOf(1), at, at % 8);
    expect((await inspectKeyFile(directory, blockName(1), 1)).faults, `byte ${at}`).toHaveLength(1);
    await writeFile(pathOf(1), bytes);
  }
});

test('a block that could not be made is tried again, and nobody writes without it', async () => {
  await using room = await openRecordKeys(directory, masterKey());
  await room.ready(1, 1);
  await vi.waitFor(async () => expect(await blocksIn(directory)).toHaveLength(2));
  await rename(directory, `${directory}.away`);
  await expect(room.ready(2 * blockRecords + 1, 2 * blockRecords + 1)).rejects.toMatchObject({ code: 'store-failed' });
  await rename(`${directory}.away`, directory);
  const at = await room.ready(2 * blockRecords + 1, 2 * blockRecords + 1);
  const read = await KeyBlock.read(directory, 2 * blockRecords + 1, masterKey());
  expect(read.payloadKey(2 * blockRecords + 1)).toEqual(at(2 * blockRecords + 1).payloadKey(2 * blockRecords + 1));
});

async function folder(): Promise<string> {
  await using _room = await openRecordKeys(directory, masterKey());
  return directory;
}

test('whoever writes hears of damaged keys as of a failed store: senders keep what they have', async () => {
  await KeyBlock.make(await folder(), 1, masterKey());
  await flip(pathOf(1), 40, 0);
  await using room = await openRecordKeys(directory, masterKey());
  await expect(room.ready(1, 1)).rejects.toMatchObject({ code: 'store-failed' });
});
