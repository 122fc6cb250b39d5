import { createHash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { syncDirectory } from '../store/segment-files.ts';

/** Read and written at once. */
const pieceBytes = 1024 * 1024;

/**
 * Copies the first `length` bytes of a file so that the copy is there whole or not at all: under another name, synced,
 * renamed, the folder synced. Answers the SHA-256 of what was copied, hex.
 */
export async function copyDurably(from: string, to: string, length: number, mode: number): Promise<string> {
  await makeFolder(dirname(to));
  const draft = `${to}.part`;
  await using source = await open(from, 'r');
  const sha256 = await writeDraft(draft, mode, (target) => pump(source, target, length));
  await rename(draft, to);
  await syncDirectory(dirname(to));
  return sha256;
}

async function writeDraft<T>(path: string, mode: number, fill: (target: FileHandle) => Promise<T>): Promise<T> {
  await using target = await open(path, 'w', 0o600);
  const filled = await fill(target);
  await target.chmod(mode);
  await target.sync();
  return filled;
}

async function pump(source: FileHandle, target: FileHandle, length: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, length)));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await source.read(piece, 0, Math.min(piece.length, length - at), at);
    if (bytesRead === 0) throw new Error(`the file ends at ${at}, ${length - at} bytes too early`);
    const read = piece.subarray(0, bytesRead);
    hash.update(read);
    await target.writeFile(read);
    at += bytesRead;
  }
  return hash.digest('hex');
}

/** SHA-256 of a file, hex. */
export async function sha256OfFile(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(pieceBytes);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}
