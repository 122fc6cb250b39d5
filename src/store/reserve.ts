import { execFile } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FileFault } from './leveldb-check.ts';

const name = 'reserve';
const mebibyte = 1024 * 1024;
/** Enough to close, to open and to compact for days while no mail is taken. */
const largestBytes = 256 * mebibyte;
/** A write buffer of LevelDB: less helps nobody. */
const smallestBytes = 4 * mebibyte;
/** Of the room above the floor, what the reserve may take: the rest is for mail. */
const shareOfRoom = 1 / 4;
/** The disk counts as full below this, or below half of the floor: some groups of the commit log. */
const fullBelowBytes = 16 * mebibyte;
const blockBytes = 4096;

export interface ReserveOptions {
  readonly dataDir: string;
  /** `store.minimumFree`: the reserve is no larger, and what is free beside it does not fall below by its making. */
  readonly floorBytes: number;
  /** Free bytes of the disk; the system is asked where absent. */
  readonly freeBytes?: () => Promise<number>;
}

/**
 * A file that holds free space for the engine itself (store section 1): when another program has filled the disk it is
 * given up, so that the store can be closed, opened and compacted; it is made again when there is room.
 */
export interface Reserve {
  /** What was given up and not made again: mail gets none of it. */
  readonly missingBytes: number;
  /** Gives it up where the disk is full. Never rejects. */
  giveUpIfFull(): Promise<void>;
  /** The same, and makes it, or makes it larger, where there is room. Never rejects. */
  tend(): Promise<void>;
}

export function createReserve({ dataDir, floorBytes, freeBytes = freeIn(dataDir) }: ReserveOptions): Reserve {
  const path = join(dataDir, name);
  const mostBytes = Math.min(largestBytes, floorBytes);
  const full = Math.min(fullBelowBytes, floorBytes / 2);
  let missingBytes = 0;
  /** How large it is afterwards, and what is free beside it. */
  const giveUpIfFull = async (): Promise<{ readonly size: number; readonly free: number }> => {
    const [size, free] = [await sizeOf(path), await freeBytes()];
    if (size === 0 || free >= full) return { size, free };
    // Before it is gone: who looks at the disk meanwhile would take what it held for room.
    const before = missingBytes;
    missingBytes = size;
    await rm(path, { force: true }).catch((error: unknown) => {
      missingBytes = before;
      throw error;
    });
    return { size: 0, free: free + size };
  };
  const tend = async (): Promise<void> => {
    const { size, free } = await giveUpIfFull();
    const room = (size + free - floorBytes) * shareOfRoom;
    const wanted = Math.floor(Math.min(mostBytes, room) / blockBytes) * blockBytes;
    if (wanted - size < smallestBytes) return;
    await fill(path, wanted);
    missingBytes = 0;
  };
  // It helps or it does not: the store has its own answer to a disk that fails.
  return {
    get missingBytes() {
      return missingBytes;
    },
    giveUpIfFull: () => giveUpIfFull().then(ignored, ignored),
    tend: () => tend().catch(ignored),
  };
}

const ignored = (): void => undefined;

/** Makes the file so large, with blocks behind every byte of it; whatever is lacking comes with a later attempt. */
async function fill(path: string, bytes: number): Promise<void> {
  // Node cannot ask a file system for blocks, and writing them all is work for the disk that this program saves.
  await promisify(execFile)('fallocate', ['-l', String(bytes), path]).catch(() => undefined);
  const file = await open(path, 'a', 0o600);
  try {
    await file.chmod(0o600);
    const { size, blocks } = await file.stat();
    const there = blocks * 512 >= size ? size : 0;
    if (there >= bytes) return;
    // A file system that has no such call, or only says it has: bytes that it cannot leave out.
    if (there === 0) await file.truncate(0);
    const filler = fillerPiece();
    for (let at = there; at < bytes; ) {
      const { bytesWritten } = await file.write(filler.subarray(at % mebibyte, (at % mebibyte) + bytes - at));
      at += bytesWritten;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A mebibyte that no file system can make smaller, the same each time, so that what became of it can be seen. */
const fillerPiece = (): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(mebibyte));

/** What is wrong with the reserve's bytes, where there is one: they hold nothing, but a disk that changes them may not be trusted. */
export async function reserveFaults(dataDir: string): Promise<readonly FileFault[]> {
  const fault = (text: string): readonly FileFault[] => [{ file: name, text }];
  const file = await open(join(dataDir, name), 'r').catch(() => null);
  if (file === null) return [];
  try {
    const [filler, zeros, piece] = [fillerPiece(), Buffer.alloc(blockBytes), Buffer.alloc(mebibyte)];
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(piece, 0, mebibyte, at);
      if (bytesRead % blockBytes !== 0) return fault('is not as large as it was made');
      for (let block = 0; block < bytesRead; block += blockBytes) {
        const found = piece.subarray(block, block + blockBytes);
        const asMade = found.equals(zeros) || found.equals(filler.subarray(block, block + blockBytes));
        if (!asMade) return fault(`is not as it was made, at ${at + block}`);
      }
      if (bytesRead < mebibyte) return [];
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

const freeIn = (directory: string) => async (): Promise<number> => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};
