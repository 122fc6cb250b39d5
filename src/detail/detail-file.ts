import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { createStream } from 'rotating-file-stream';
import { makeFolder } from '../make-folder.ts';

/** Where one rotating file is, and how large it may become. */
export interface DetailFileOptions {
  /** Made for the owner alone where it is not there. */
  readonly directory: string;
  /** The file is `NAME.log`, those before it `NAME.1.log` and on, the youngest first. */
  readonly name: string;
  /** A file is put aside once it has this size. */
  readonly fileBytes: number;
  /** The current file among them. */
  readonly files: number;
}

const directoryMode = 0o700;
const fileMode = 0o600;

/**
 * Opens the file behind what stands in it. Faults that come later are the stream's.
 * @throws the system's error where the folder cannot be made
 */
export async function openDetailFile({ directory, name, fileBytes, files }: DetailFileOptions): Promise<Writable> {
  await makeFolder(directory, directoryMode);
  // Names of our own: the package's put the number behind the ending, and its history mode would leave a file of its own.
  const nameOf = (index: number | Date | null): string =>
    join(directory, index === null || index === 0 ? `${name}.log` : `${name}.${String(index)}.log`);
  return createStream(nameOf, { size: `${fileBytes}B`, rotate: files - 1, mode: fileMode });
}

/** Hands one piece on. @throws what the stream met instead */
export function writeTo(file: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Resolves once the file is closed, or cannot be. */
export function endOf(file: Writable): Promise<void> {
  if (file.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    file.once('close', resolve).once('error', () => resolve());
    file.end(resolve);
  });
}
