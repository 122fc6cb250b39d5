import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeWhole } from './whole-file.ts';

/** Names of files of this kind in a data directory end so. */
export const notedSuffix = '.state';

/** What a noted file holds; `damaged`: it is not as it was written. */
export type Noted =
  | { readonly kind: 'none' }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'value'; readonly value: unknown };

/** Keeps a small value, durable when it resolves: JSON behind its own SHA-256, so that a flipped bit is found. */
export const writeNoted = (path: string, value: unknown): Promise<void> => {
  const text = JSON.stringify(value);
  return writeWhole(path, `${sha256Of(text)}\n${text}\n`, 0o600);
};

/** @throws the system's error, but where there is no such file */
export async function readNoted(path: string): Promise<Noted> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return { kind: 'none' };
  const [sum, text, end, ...more] = bytes.toString('latin1').split('\n');
  if (text === undefined || end !== '' || more.length > 0) return { kind: 'damaged' };
  const json = Buffer.from(text, 'latin1');
  if (sha256Of(json) !== sum) return { kind: 'damaged' };
  return { kind: 'value', value: JSON.parse(json.toString('utf8')) };
}

/** What it holds, or `nothing`; `damaged` is told where it is not as it was written. @throws as `readNoted` */
export async function notedOr<T>(path: string, nothing: T, damaged: () => void): Promise<T> {
  const noted = await readNoted(path);
  if (noted.kind === 'value') return noted.value as T;
  if (noted.kind === 'damaged') damaged();
  return nothing;
}

const sha256Of = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
