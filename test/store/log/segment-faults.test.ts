import { execFile } from 'node:child_process';
import { type FileHandle, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSegmentBytes } from '../../../src/store/segment-bytes.ts';
import { chain, expectAll, openReady, recordsOf, scanAll } from '../../contracts/bytes.contract.ts';

let directory = '';
let handles: FileHandle;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-faults-'));
  const probe = await open(join(directory, 'probe'), 'w');
  handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  await rm(join(directory, 'probe'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

const home = { open: () => openSegmentBytes({ directory, segmentBytes: 1_000_000 }), remove: async () => undefined };
const failure = (code: string) => Object.assign(new Error(`${code}: as told`), { code });
const file = () => join(directory, '00000000000000000001.seg');

describe('a disk that fails under the segments', () => {
  test('at a sync: nothing more is written, and what was not promised is taken away', async () => {
    const records = chain([1_000, 1_000, 1_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    const durable = (await stat(file())).size;
    const sync = vi.spyOn(handles, 'datasync').mockRejectedValueOnce(failure('EIO'));
    await expect(bytes.append(records.slice(1, 2), true)).rejects.toMatchObject({ code: 'store-failed' });
    expect((await stat(file())).size).toBe(durable);
    const syncs = sync.mock.calls.length;
    await expect(bytes.append(records.slice(1, 2), true)).rejects.toMatchObject({ code: 'store-failed' });
    await bytes.seal();
    expect(sync.mock.calls.length).toBe(syncs);
    await using again = await home.open();
    expect(recordsOf(await scanAll(again))).toEqual([records[0]?.record]);
  });

  test('at a write: the same', async () => {
    const records = chain([1_000, 1_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    vi.spyOn(handles, 'writev').mockRejectedValueOnce(failure('EIO'));
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-failed' });
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-failed' });
  });

  test('by taking a part of a write: the rest follows', async () => {
    const records = chain([1_000, 2_000, 3_000]);
    await using bytes = await openReady(home);
    const writev = handles.writev;
    let short = 3;
    vi.spyOn(handles, 'writev').mockImplementation(function (this: FileHandle, pieces, position) {
      if (short === 0) return writev.call(this, pieces, position);
      short -= 1;
      const all = Buffer.concat(pieces as readonly Uint8Array[]);
      return writev.call(this, [all.subarray(0, 777)], position);
    });
    await bytes.append(records, true);
    expect(short).toBe(0);
    await expectAll(bytes, records);
  });

  test('by being full: the group is refused, the file is as before, and it goes on when there is room', async () => {
    const records = chain([1_000, 1_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    const { size } = await stat(file());
    const writev = handles.writev;
    vi.spyOn(handles, 'writev').mockImplementationOnce(async function (this: FileHandle, pieces, position) {
      await writev.call(this, [Buffer.concat(pieces as readonly Uint8Array[]).subarray(0, 500)], position);
      throw failure('ENOSPC');
    });
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-full' });
    expect((await stat(file())).size).toBe(size);
    await bytes.append(records.slice(1), true);
    await expectAll(bytes, records);
  });

  test('by being full when the next segment is begun: the group is refused and can be tried again', async () => {
    const records = chain([900_000, 900_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    vi.spyOn(handles, 'writev').mockRejectedValueOnce(failure('ENOSPC'));
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-full' });
    await bytes.append(records.slice(1), true);
    expect(await readdir(directory)).toHaveLength(2);
    await expectAll(bytes, records);
  });

  test('is met with the real error of the system too: a limit on file size', async () => {
    const source = join(import.meta.dirname, '../../../src/store');
    const script = `
      const { openSegmentBytes } = await import(${JSON.stringify(join(source, 'segment-bytes.ts'))});
      const { openCommitLog } = await import(${JSON.stringify(join(source, 'commit-log.ts'))});
      const bytes = await openSegmentBytes({ directory: ${JSON.stringify(directory)} });
      const log = await openCommitLog({ bytes, now: () => 1, fold: async () => {}, foldedUpTo: null });
      const append = (size) => log.append({ kind: 'intake', facts: {}, payload: [Buffer.alloc(size)] })
        .then((record) => 'record ' + record.seq, (error) => error.code);
      console.log([await append(100), await append(5_000_000), await append(100)].join());`;
    const run = promisify(execFile);
    const { stdout } = await run('bash', [
      '-c',
      'ulimit -f 1000; exec "$0" --import tsx --input-type=module -e "$1"',
      process.execPath,
      script,
    ]);
    expect(stdout.trim()).toBe('record 1,store-full,record 2');
  });
});
