import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file below a folder, by its path within. */
export async function filesOf(folder: string, prefix = ''): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const name = prefix + entry.name;
      if (entry.isDirectory()) return filesOf(join(folder, entry.name), `${name}/`);
      return entry.isFile() ? [name] : [];
    }),
  );
  return found.flat().toSorted();
}

/** The SHA-256 of every file below a folder. */
export async function digestOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const file of await filesOf(folder)) digests[file] = await sha256File(join(folder, file));
  return digests;
}

/** Lower-case hex. */
export const sha256File = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

/** Puts other bytes into a file, with the mode it had. */
export async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const { mode } = await stat(path);
  await rm(path);
  await writeFile(path, bytes, { mode });
  await chmod(path, mode);
}

/** Flips one bit of a file; answers what undoes it. */
export async function flipBit(path: string, at: number, bit: number): Promise<() => Promise<void>> {
  const bytes = await readFile(path);
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at);
  await replaceFile(path, flipped);
  return () => replaceFile(path, bytes);
}
