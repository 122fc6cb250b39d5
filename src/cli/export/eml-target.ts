import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import { isSafeName, type ManifestLine } from '../manifest.ts';
import { openManifest } from './manifest-file.ts';
import { signatureFiles } from './signature-files.ts';
import { openState } from './state.ts';
import type { ExportTarget, ExportWish } from './target.types.ts';

/** Lines of the manifest written at once. */
const linesAtOnce = 200;

/** A folder with a file for each message. What an earlier run wrote is compared with its hashes before it goes on. */
export async function openEmlTarget(wish: ExportWish): Promise<ExportTarget> {
  const folder = wish.to;
  const path = join(folder, '.daybook-export.json');
  const isMade = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw new CommandFailure(exitCodes.failed, `${folder}: ${error.code}`);
    },
  );
  // Whatever the umask of the shell says: this is mail.
  if (isMade) await chmod(folder, 0o700);
  const { isResumed, asOf, end } = await openState(wish, { path, written: [folder] });
  const stands = async ({ file = '', sha256 }: ManifestLine): Promise<boolean> => {
    const bytes = isSafeName(file) ? await readFile(join(folder, file)).catch(() => null) : null;
    return bytes !== null && createHash('sha256').update(bytes).digest('hex') === sha256;
  };
  const manifest = await openManifest(join(folder, 'manifest.jsonl'), { isResumed, stands });
  return {
    before: { count: manifest.count, cursor: manifest.last?.next, asOf },
    put: async ({ line, bytes }) => {
      const file = fileFor(line);
      await writeFile(join(folder, file), bytes, { mode: 0o600 });
      manifest.add({ ...line, file });
      if (manifest.waiting >= linesAtOnce) await manifest.flush();
    },
    complete: async () => {
      await manifest.sync();
      return manifest.path;
    },
    finish: async (signed) => {
      for (const [name, bytes] of signatureFiles(signed)) await writeFile(join(folder, name), bytes, { mode: 0o600 });
      await end();
    },
    abandon: async () => {
      await rm(manifest.path, { force: true });
      await end();
      if (isMade) await rmdir(folder);
    },
    [Symbol.asyncDispose]: async () => {
      await manifest.flush();
      await manifest[Symbol.asyncDispose]();
    },
  };
}

/** @throws CommandFailure for an id that is no name of a file, whatever engine answers it */
export function fileFor({ id }: Pick<ManifestLine, 'id'>): string {
  const file = `${id}.eml`;
  if (isSafeName(file)) return file;
  throw new CommandFailure(exitCodes.failed, `the engine has a message with the id ${JSON.stringify(id)}`);
}
