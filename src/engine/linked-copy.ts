import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';

/** A folder of hard links to another, beside it, for who would change it by opening it. Removed when it is given back. */
export async function linked(dataDir: string, name: string): Promise<AsyncDisposable & { readonly directory: string }> {
  const directory = join(dataDir, `.verify-${process.pid}`, name);
  await makeFolder(directory);
  for (const file of await readdir(join(dataDir, name))) {
    if (file !== 'LOCK') await link(join(dataDir, name, file), join(directory, file));
  }
  return {
    directory,
    [Symbol.asyncDispose]: () => rm(join(dataDir, `.verify-${process.pid}`), { recursive: true, force: true }),
  };
}
