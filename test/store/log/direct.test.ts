import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { blockBytes, DirectFile, openStaging } from '../../../src/store/direct-file.ts';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';
import { chain, expectAll, openReady, recordsOf, scanAll } from '../../contracts/bytes.contract.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-direct-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});
const segment = (folder = directory) => join(folder, '00000000000000000001.seg');
const homeIn = (folder: string, segmentBytes = 100_000_000) => ({
  open: () => openSegmentBytes({ directory: folder, segmentBytes }),
  remove: async () => undefined,
});
const staging = openStaging();

describe('a file written past the page cache', () => {
  test.runIf(staging !== null)('holds what was appended, in whatever pieces, and zeros up to the block', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 6 }), { maxLength: 8 }),
        fc.integer({ min: 0, max: 9_000 }),
        async (appends, before) => {
          const path = join(directory, 'file');
          const start = Buffer.alloc(before, 'before');
          const handle = await open(path, 'w+');
          await handle.write(start);
          const file = await DirectFile.open(path, staging as Buffer, { handle, endBytes: before });
          const all = [start];
          for (const [at, sizes] of appends.entries()) {
            const pieces = sizes.map((size, index) => Buffer.alloc(size, `${at}.${index}|`));
            await file?.append(pieces);
            all.push(...pieces);
          }
          await file?.close();
          await handle.close();
          const expected = Buffer.concat(all);
          const found = await readFile(path);
          expect(found.subarray(0, expected.length).equals(expected)).toBe(true);
          expect(found.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
          expect(found.length - expected.length).toBeLessThan(blockBytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('takes groups larger than its memory, and goes on after the file was closed and opened', async () => {
    const records = chain([3_000_000, 5_000_001, 7, 4_190_000, 12_345]);
    {
      await using bytes = await openReady(homeIn(directory));
      await bytes.append(records.slice(0, 3), true);
    }
    await using bytes = await openReady(homeIn(directory));
    await bytes.append(records.slice(3), true);
    await expectAll(bytes, records);
  });

  test('ends in zeros only while it is open: a close leaves its true length', async () => {
    const records = chain([5_000, 6_000]);
    const lengthBytes = records.reduce((sum, record) => sum + record.lengthBytes, 0);
    const bytes = await openReady(homeIn(directory));
    await bytes.append(records, true);
    expect((await stat(segment())).size % blockBytes).toBe(0);
    await bytes[Symbol.asyncDispose]();
    expect((await stat(segment())).size).toBe(lengthBytes);
  });

  test('as a kill leaves it, is cut to its last record and continued', async () => {
    const records = chain([5_000, 6_000, 7_000]);
    const killed = join(directory, 'killed');
    await mkdir(killed);
    {
      await using bytes = await openReady(homeIn(directory));
      await bytes.append(records.slice(0, 2), true);
      await copyFile(segment(), segment(killed));
    }
    await using bytes = await homeIn(killed).open();
    const found = await scanAll(bytes);
    expect(recordsOf(found)).toEqual(records.slice(0, 2).map(({ record }) => record));
    expect(found.at(-1)).toMatchObject({ kind: 'torn' });
    await bytes.ready();
    await bytes.append(records.slice(2), true);
    await expectAll(bytes, records);
  });

  test('is written through the page cache after all where the system refuses', async () => {
    const records = chain([5_000, 6_000, 7_000]);
    const probe = await open(join(directory, 'probe'), 'w');
    const handles = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    await rm(join(directory, 'probe'));
    await using bytes = await openReady(homeIn(directory, 14_000));
    await bytes.append(records.slice(0, 1), true);
    const refused = Object.assign(new Error('EINVAL: as told'), { code: 'EINVAL' });
    const write = vi.spyOn(handles, 'write').mockRejectedValue(refused);
    await bytes.append(records.slice(1), true);
    expect(write).toHaveBeenCalled();
    await bytes.seal();
    await expectAll(bytes, records);
    expect(await readdir(directory)).toHaveLength(2);
  });
});
