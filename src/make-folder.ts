import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; answers the topmost that was made, or undefined where it stood.
 * Node's own `recursive` never ends where the system refuses to make something with ENOENT in a folder that stands, as in
 * /proc. @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o700): Promise<string | undefined> {
  const why = await refusalOf(path, mode);
  if (why === null) return path;
  if (why.code === 'EEXIST' && (await isFolder(path))) return undefined;
  const above = dirname(path);
  if (why.code !== 'ENOENT' || above === path) throw why;
  const topmost = await makeFolder(above, mode);
  // Once more and no oftener: somebody else may have made what was missing.
  const still = await refusalOf(path, mode);
  if (still === null) return topmost ?? path;
  if (still.code === 'EEXIST' && (await isFolder(path))) return topmost;
  throw still;
}

const refusalOf = async (path: string, mode: number): Promise<NodeJS.ErrnoException | null> =>
  mkdir(path, { mode }).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );

const isFolder = async (path: string): Promise<boolean> => (await stat(path)).isDirectory();
