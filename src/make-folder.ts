import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; answers the topmost that was made, or undefined where it stood.
 * Node's own `recursive` never ends where the system refuses to make something with ENOENT in a folder that stands, as in
 * /proc. @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o700): Promise<string | undefined> {
  try {
    return (await makeOne(path, mode)) ? path : undefined;
  } catch (error) {
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error;
    const topmost = await makeFolder(above, mode);
    // Once more and no oftener: what was missing above it stands now.
    const isMade = await makeOne(path, mode);
    return topmost ?? (isMade ? path : undefined);
  }
}

/** False where it stood. */
async function makeOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const stood = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
    if (!stood) throw error;
    return false;
  }
}
