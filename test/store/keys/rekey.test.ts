import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MasterKey } from '../../../src/master-key.ts';
import { openEncryption, openReading } from '../../../src/store/encryption.ts';
import { blockName, blockRecords, KeyBlock, keyFilesIn } from '../../../src/store/key-block.ts';
import { keysFolder } from '../../../src/store/record-keys.ts';
import { rekey } from '../../../src/store/rekey.ts';
import { checkKeyFiles } from '../../../src/store/verify-keys.ts';
import { bodyOffset } from '../../../src/store/wrapped-key.ts';
import { masterKey } from '../../support/master-keys.ts';

const [one, two, three] = [masterKey('one'), masterKey('two'), masterKey('three')];
let dataDir: string;
const directory = () => keysFolder(dataDir);
const blocks = [1, blockRecords + 1, 2 * blockRecords + 1];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-rekey-'));
  {
    await using opened = await openEncryption(dataDir, one);
    if (opened === null) throw new Error('not encrypted');
    await opened.keys.ready(1, blockRecords + 1);
    await opened.keys.destroy([3]);
  }
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** What every file of keys gives under a master key: payload keys and the facts' key of each block; null where one does not open. */
async function keysUnder(master: MasterKey): Promise<string | null> {
  const keys: string[] = [];
  for (const firstSeq of blocks) {
    const block = await KeyBlock.read(directory(), firstSeq, master).catch(() => null);
    if (block === null) return null;
    const some = [0, 1, 2, blockRecords - 1].map((at) => block.payloadKey(firstSeq + at));
    keys.push(block.factsKey.toString('hex'), ...some.map((key) => key.toString('hex')));
  }
  return keys.join(' ');
}
const opensWhole = async (master: MasterKey): Promise<boolean> => {
  const opened = await openEncryption(dataDir, master).catch(() => null);
  await opened?.[Symbol.asyncDispose]();
  return opened !== null;
};
const bodies = async (): Promise<readonly Buffer[]> =>
  Promise.all(blocks.map(async (first) => (await readFile(join(directory(), blockName(first)))).subarray(bodyOffset)));

test('afterwards the new key opens everything, the old one nothing, and no salt was written', async () => {
  const [before, salts] = [await keysUnder(one), await bodies()];
  expect(await rekey(dataDir, { from: one, to: two }, () => undefined)).toBe(blocks.length + 1);
  expect(await keysUnder(two)).toBe(before);
  expect(await keysUnder(one)).toBeNull();
  expect([await opensWhole(one), await opensWhole(two)]).toEqual([false, true]);
  expect(await bodies()).toEqual(salts);
  expect(await checkKeyFiles(dataDir)).toMatchObject({ keyIds: [two.id], faults: [] });
  expect(await rekey(dataDir, { from: two, to: one }, () => undefined)).toBe(blocks.length + 1);
  expect(await keysUnder(one)).toBe(before);
});

test('stopped at any step, torn or not, one of the keys opens everything, and it can be done to its end', async () => {
  const before = await keysUnder(one);
  const files = await keyFilesIn(directory());
  const start = await Promise.all(files.map(({ name }) => readFile(join(directory(), name))));
  const steps = 2 * files.length;
  for (const isTorn of [false, true]) {
    for (let stopAt = 1; stopAt <= steps; stopAt += 1) {
      let done = 0;
      await expect(
        rekey(dataDir, { from: one, to: two }, () => {
          done += 1;
          if (done === stopAt) throw new Error('killed');
        }),
      ).rejects.toThrow('killed');
      if (isTorn) await tear(files, stopAt);
      const [byOld, byNew] = [await keysUnder(one), await keysUnder(two)];
      expect([byOld, byNew], `step ${stopAt}`).toContain(before);
      const opens = [await opensWhole(one), await opensWhole(two)];
      expect(opens, `step ${stopAt}`).toContain(true);
      // Whichever key a start accepts is good for every file.
      if (opens[0]) expect(byOld, `step ${stopAt}`).toBe(before);
      if (opens[1]) expect(byNew, `step ${stopAt}`).toBe(before);
      await rekey(dataDir, { from: one, to: two }, () => undefined);
      expect([await keysUnder(two), await keysUnder(one)], `step ${stopAt}`).toEqual([before, null]);
      expect(await checkKeyFiles(dataDir)).toMatchObject({ keyIds: [two.id], faults: [] });
      for (const [at, { name }] of files.entries()) await writeFile(join(directory(), name), start[at]!);
    }
  }

  /** The page that was written last is half there: of `add` the new key's, of `keep` the old one's that became zeros. */
  async function tear(all: typeof files, step: number): Promise<void> {
    const { name, number } = all[(step - 1) % all.length]!;
    // The place of the old key is the first one, of the new one the second.
    const place = step <= all.length ? 1 : 0;
    const path = join(directory(), name);
    const bytes = await readFile(path);
    bytes.fill(number % 251 || 7, place * 4_096 + 60, place * 4_096 + 2_048);
    await writeFile(path, bytes);
  }
});

test('a key that was let in and given up makes room for another', async () => {
  const before = await keysUnder(one);
  const half = rekey(dataDir, { from: one, to: two }, ({ step, file }) => {
    if (step === 'add' && file === blockName(1)) throw new Error('killed');
  });
  await expect(half).rejects.toThrow('killed');
  await rekey(dataDir, { from: one, to: three }, () => undefined);
  expect([await keysUnder(three), await keysUnder(two), await keysUnder(one)]).toEqual([before, null, null]);
});

test('a file that neither key opens ends it before anything is shut out', async () => {
  const path = join(directory(), blockName(1));
  const bytes = await readFile(path);
  bytes[40] = (bytes[40] as number) ^ 1;
  await writeFile(path, bytes);
  await expect(rekey(dataDir, { from: one, to: two }, () => undefined)).rejects.toMatchObject({ code: 'damaged' });
  expect((await checkKeyFiles(dataDir)).keyIds).toContain(one.id);
  await expect(rekey(dataDir, { from: three, to: masterKey('four') }, () => undefined)).rejects.toMatchObject({
    code: 'key-unusable',
  });
});

test('who only reads makes nothing, and says which key is needed', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'daybook-plain-'));
  expect(await openReading(empty, one)).toMatchObject({ hasKey: true, index: null });
  expect(await keyFilesIn(keysFolder(empty))).toEqual([]);
  expect(await openReading(dataDir, null)).toMatchObject({ hasKey: false, index: null });
  await expect(openReading(dataDir, two)).rejects.toThrow(one.id);
  await expect(rekey(empty, { from: one, to: two }, () => undefined)).rejects.toMatchObject({ code: 'missing' });
  await rm(empty, { recursive: true });
});
