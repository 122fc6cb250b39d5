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

const failure = (code: string) => Object.assign(new Error(`${code}: as told`), { code });
const file = () => join(directory, '00000000000000000001.seg');
const sizeOf = async () => (await stat(file())).size;

/** How records reach the disk: each call of the system that writes them, with its bytes and where they go. */
type Written = (bytes: Buffer, position: number) => Promise<number>;
interface Path {
  readonly direct: boolean;
  /** Lets `stand` stand for the system's write while it answers; undefined: the system's own again. */
  intercept(stand: (bytes: Buffer, position: number, write: Written) => Promise<number> | undefined): void;
}
const throughCache: Path = {
  direct: false,
  intercept: (stand) => {
    const { writev } = handles;
    vi.spyOn(handles, 'writev').mockImplementation(function (this: FileHandle, pieces, position) {
      const write: Written = async (part, at) => (await writev.call(this, [part], at)).bytesWritten;
      const stood = stand(Buffer.concat(pieces as readonly Uint8Array[]), position ?? 0, write);
      if (stood === undefined) return writev.call(this, pieces, position);
      return stood.then((bytesWritten) => ({ bytesWritten, buffers: pieces })) as never;
    });
  },
};
const pastCache: Path = {
  direct: true,
  intercept: (stand) => {
    const write = handles.write as (bytes: Buffer, from: number, length: number, at: number) => Promise<WriteResult>;
    vi.spyOn(handles, 'write').mockImplementation(function (this: FileHandle, ...args: unknown[]) {
      const [bytes, from, length, position] = args as [Buffer, number, number, number];
      const some: Written = async (part, at) => (await write.call(this, bytes, from, part.length, at)).bytesWritten;
      const stood = stand(bytes.subarray(from, from + length), position, some);
      if (stood === undefined) return write.call(this, bytes, from, length, position) as never;
      return stood.then((bytesWritten) => ({ bytesWritten, buffer: bytes })) as never;
    } as never);
  },
};
interface WriteResult {
  readonly bytesWritten: number;
}
const once = (code: string) => {
  let left = 1;
  return () => (left-- > 0 ? Promise.reject(failure(code)) : undefined);
};

describe.each([
  ['past the page cache', pastCache],
  ['through the page cache', throughCache],
])('a disk that fails under segments written %s', (_, { direct, intercept }) => {
  const home = {
    open: () => openSegmentBytes({ directory, segmentBytes: 1_000_000, direct }),
    remove: async () => undefined,
  };

  test('at a sync: nothing more is written, and what was not promised is taken away', async () => {
    const records = chain([1_000, 1_000, 1_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    const sync = vi.spyOn(handles, 'datasync').mockRejectedValueOnce(failure('EIO'));
    await expect(bytes.append(records.slice(1, 2), true)).rejects.toMatchObject({ code: 'store-failed' });
    expect(await sizeOf()).toBe(records[0]?.lengthBytes);
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
    intercept(once('EIO'));
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-failed' });
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-failed' });
    expect(await sizeOf()).toBe(records[0]?.lengthBytes);
  });

  test('by taking a part of a write: the rest follows', async () => {
    const records = chain([10_000, 20_000, 30_000]);
    await using bytes = await openReady(home);
    let short = 3;
    intercept((given, position, write) => {
      if (short === 0) return undefined;
      short -= 1;
      return write(given.subarray(0, direct ? 4_096 : 777), position);
    });
    await bytes.append(records, true);
    expect(short).toBe(0);
    await expectAll(bytes, records);
  });

  test('by taking nothing of a write: an error, not a loop', async () => {
    await using bytes = await openReady(home);
    intercept(() => Promise.resolve(0));
    await expect(bytes.append(chain([1_000]), true)).rejects.toMatchObject({ code: 'store-failed' });
  });

  test('by being full: the group is refused, the file is as before, and it goes on when there is room', async () => {
    const records = chain([1_000, 9_000]);
    await using bytes = await openReady(home);
    await bytes.append(records.slice(0, 1), true);
    let full = true;
    intercept((given, position, write) => {
      if (!full) return undefined;
      full = false;
      return write(given.subarray(0, direct ? 4_096 : 500), position).then(() => Promise.reject(failure('ENOSPC')));
    });
    await expect(bytes.append(records.slice(1), true)).rejects.toMatchObject({ code: 'store-full' });
    expect(await sizeOf()).toBe(records[0]?.lengthBytes);
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
      const bytes = await openSegmentBytes({ directory: ${JSON.stringify(directory)}, direct: ${direct} });
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

test('thinning that finds the disk full takes its draft away and leaves the segment as it was', async () => {
  await using bytes = await openReady({ open: () => openSegmentBytes({ directory }), remove: async () => undefined });
  const records = chain([1_000, 2_000]);
  await bytes.append(records, true);
  await bytes.seal();
  vi.spyOn(handles, 'sync').mockRejectedValueOnce(failure('ENOSPC'));
  await expect(bytes.drop(new Set([1]))).rejects.toThrow('ENOSPC');
  expect(await readdir(directory)).toEqual(['00000000000000000001.seg']);
  await expectAll(bytes, records);
  expect(await bytes.drop(new Set([1]))).toBe(1_000);
});
