import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';
import { maxReaders, SealedReaders } from '../../../src/store/segment-reader.ts';
import { createUnseal } from '../../../src/store/unseal.ts';
import { chain, expectAll, openReady, recordsOf, scanAll } from '../../contracts/bytes.contract.ts';

const segmentBytes = 1024 * 1024;
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-segments-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const home = { open: () => openSegmentBytes({ directory, segmentBytes }), remove: async () => undefined };
const names = async () => (await readdir(directory)).sort();
const nameOf = (firstSeq: number) => `${String(firstSeq).padStart(20, '0')}.seg`;
/** Files of this folder that the process holds open; other tests may share the process. */
const openFiles = async () => {
  const held = await readdir('/proc/self/fd').catch(() => []);
  const paths = await Promise.all(held.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(directory)).length;
};
const modeOf = async (name: string) => ((await stat(join(directory, name))).mode & 0o777).toString(8);

describe('segments', () => {
  test('are named by their first record, roll at their size, and one too large has a segment of its own', async () => {
    const records = chain([400_000, 400_000, 400_000, 3_000_000, 10, 10]);
    {
      await using bytes = await openReady(home);
      await bytes.append(records.slice(0, 1), true);
      await bytes.append(records.slice(1), true);
      expect(await names()).toEqual([1, 3, 4, 5].map(nameOf));
      await expectAll(bytes, records);
    }
    expect(await Promise.all((await names()).map(modeOf))).toEqual(['444', '444', '444', '600']);
    await using again = await openReady(home);
    await expectAll(again, records);
  });

  test('are read-only once sealed, and their bytes never change again', async () => {
    const records = chain([300_000, 300_000, 300_000, 300_000]);
    await using bytes = await openReady(home);
    await bytes.append(records, true);
    const [first] = (await names()) as [string];
    expect(await modeOf(first)).toBe('444');
    const before = await readFile(join(directory, first));
    await bytes.append(chain([900_000, 900_000], records.at(-1)), true);
    await bytes.seal();
    expect(Buffer.compare(before, await readFile(join(directory, first)))).toBe(0);
  });

  test('end in a footer from which each record is found without reading the others', async () => {
    const records = chain([10, 20, 30]);
    {
      await using bytes = await openReady(home);
      await bytes.append(records, true);
      await bytes.seal();
    }
    const file = await readFile(join(directory, nameOf(1)));
    expect(file.toString('latin1', file.length - 96, file.length - 88)).toBe('DYBKSEAL');
    // With the first record's frame gone, only the footer can lead to the third.
    file.fill(0, 0, 50);
    await rm(join(directory, nameOf(1)));
    await writeFile(join(directory, nameOf(1)), file, { mode: 0o444 });
    await using bytes = await home.open();
    await scanAll(bytes, 3);
    expect((await bytes.read(3)).record).toEqual(records[2]?.record);
  });

  test('stay as they are when nothing was written between two starts', async () => {
    for (let round = 0; round < 3; round += 1) {
      await using bytes = await openReady(home);
      await bytes.seal();
    }
    expect(await names()).toEqual([]);
  });

  test('are read by more readers than files are held open, all at once', async () => {
    const small = { ...home, open: () => openSegmentBytes({ directory, segmentBytes: 200 }) };
    const records = chain(Array.from({ length: 2 * maxReaders }, () => 200));
    await using bytes = await openReady(small);
    await bytes.append(records, true);
    expect((await names()).length).toBe(2 * maxReaders);
    const before = await openFiles();
    await Promise.all([1, 2, 3].map(() => expectAll(bytes, records)));
    // The last ones that nobody uses any more are being closed.
    await vi.waitFor(async () => expect((await openFiles()) - before).toBeLessThanOrEqual(maxReaders));
    expect(await openFiles()).toBeGreaterThan(before);
  });

  test('keep a file open as long as it is read, whatever else is opened meanwhile', async () => {
    const small = { ...home, open: () => openSegmentBytes({ directory, segmentBytes: 200 }) };
    const records = chain(Array.from({ length: 2 * maxReaders }, () => 200));
    await using bytes = await openReady(small);
    await bytes.append(records, true);
    const readers = new SealedReaders({ directory, unseal: createUnseal(null) });
    await readers.use(1, async (handle) => {
      for (let seq = 2; seq < 2 * maxReaders; seq += 1) await readers.use(seq, async () => undefined);
      expect((await handle.stat()).size).toBeGreaterThan(200);
    });
    await readers.close();
  });

  test('can be read while they are sealed and rolled', async () => {
    const records = chain(Array.from({ length: 40 }, () => 100_000));
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 5), true);
    const reading = (async () => {
      for (let round = 0; round < 60; round += 1) await expectAll(bytes, records.slice(0, 5));
    })();
    for (let index = 5; index < records.length; index += 5) await bytes.append(records.slice(index, index + 5), true);
    await reading;
    await expectAll(bytes, records);
  });

  test('a thinned segment whose footer is damaged is still understood', async () => {
    const records = chain([1_000, 2_000, 3_000]);
    {
      await using bytes = await openReady(home);
      await bytes.append(records, true);
      await bytes.seal();
      await bytes.drop(new Set([1, 2]));
      expect((await stat(join(directory, nameOf(1)))).size).toBeLessThan(4_000);
      expect(await modeOf(nameOf(1))).toBe('444');
    }
    const file = await readFile(join(directory, nameOf(1)));
    file.fill(0, file.length - 20);
    await rm(join(directory, nameOf(1)));
    await writeFile(join(directory, nameOf(1)), file, { mode: 0o444 });
    await using bytes = await home.open();
    const found = await scanAll(bytes);
    expect(recordsOf(found)).toEqual(records.map(({ record }) => record));
    expect(found.flatMap((one) => (one.kind === 'damage' ? [one.damage.text] : []))).toEqual([
      'no whole record from record 4 on, or no footer',
    ]);
  });

  test('a segment is rewritten only for a payload that it still has', async () => {
    await using bytes = await openReady(home);
    await bytes.append(chain([1_000, 2_000]), true);
    await bytes.append(chain([3_000], chain([1_000, 2_000]).at(-1)), true);
    expect(await bytes.drop(new Set([1])), 'not sealed yet').toBe(0);
    await bytes.seal();
    await bytes.drop(new Set([1]));
    const { ino } = await stat(join(directory, nameOf(1)));
    expect(await bytes.drop(new Set([1]))).toBe(0);
    expect((await stat(join(directory, nameOf(1)))).ino).toBe(ino);
  });

  test('a draft of thinning that a crash left is removed', async () => {
    await writeFile(join(directory, `${nameOf(1)}.thin`), 'half');
    await using bytes = await openReady(home);
    expect(await names()).toEqual([]);
    expect(bytes.nextSeq).toBe(1);
  });
});
