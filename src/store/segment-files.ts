import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';

const suffix = '.seg';
/** A thinned segment before it takes the place of the old one; left over only by a crash. */
export const draftSuffix = '.thin';

/** File name of the segment that begins with this record: twenty digits, so that names sort by number. */
export const segmentName = (firstSeq: number): string => `${String(firstSeq).padStart(20, '0')}${suffix}`;
export const segmentPath = (directory: string, firstSeq: number): string => join(directory, segmentName(firstSeq));
/** As it stands in reports: with its folder, without the rest of the path. */
export const shownName = (directory: string, firstSeq: number): string =>
  `${basename(directory)}/${segmentName(firstSeq)}`;

/** First sequence numbers of all segments, ascending. Removes drafts that a crash left. */
export async function listSegments(directory: string): Promise<number[]> {
  for (const name of await readdir(directory)) {
    if (name.endsWith(draftSuffix)) await rm(join(directory, name), { force: true });
  }
  return segmentsIn(directory);
}

/** First sequence numbers of all segments, ascending. */
export async function segmentsIn(directory: string): Promise<number[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{20}\.seg$/.test(name));
  return names.map((name) => Number(name.slice(0, -suffix.length))).sort((a, b) => a - b);
}

/** Makes the names in a folder durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes pieces at a place as they are, in one call where the system takes it all. */
export async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<number> {
  const { bytesWritten } = await handle.writev(pieces as Uint8Array[], position);
  let left = bytesWritten;
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    if (left < piece.length) rest.push(piece.subarray(left));
    left = Math.max(0, left - piece.length);
  }
  if (rest.length === 0) return bytesWritten;
  if (bytesWritten === 0) throw Object.assign(new Error('the system took no byte'), { code: 'EIO' });
  return bytesWritten + (await writeAll(handle, rest, position + bytesWritten));
}

/** Reads exactly these bytes, into `into` where it is given. @throws EngineFailure `damaged` where the file ends before */
export async function readExactly<T extends Uint8Array = Buffer>(
  handle: FileHandle,
  length: number,
  offset: number,
  into?: T,
): Promise<T | Buffer> {
  const bytes = into ?? Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new EngineFailure('damaged', `the file ends ${length - done} bytes too early`);
    done += bytesRead;
  }
  return bytes;
}

/** True for the errors of a full disk or quota. */
export const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '');

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
