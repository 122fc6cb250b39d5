import { copyFile, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../../streams/failure.ts';
import { codeOf } from '../store/segment-files.ts';

/** Nowhere could a database be opened: nothing is known of it, so this is no damage. */
export class NoPlaceError extends Error {
  readonly code = 'no-place';
}

export interface OpenedCopy<T> extends AsyncDisposable {
  readonly opened: T;
}

/** Never changed once they are written, and by far the most of what there is. */
const tables = /\.(?:ldb|sst)$/;
/** LevelDB's own, which it makes anew. */
const mute = /^(?:LOCK|LOG|LOG\.old)$/;

/**
 * What `open` makes of a copy of a LevelDB that was checked, for LevelDB writes where it opens. The copy lies outside of the
 * data directory, which may be read-only, or full; inside where nothing else can be written. It is removed when it is given
 * back. @throws NoPlaceError where there is no place for it
 */
export async function openedCopy<T>(
  dataDir: string,
  name: string,
  open: (directory: string) => Promise<T>,
): Promise<OpenedCopy<T>> {
  const reasons: string[] = [];
  for (const start of [join(tmpdir(), 'daybook-verify-'), join(dataDir, '.verify-')]) {
    const copy = await copyAt(start, join(resolve(dataDir), name)).catch((error: unknown) => messageOf(error));
    if (typeof copy === 'string') {
      reasons.push(copy);
      continue;
    }
    try {
      return { opened: await open(copy.directory), [Symbol.asyncDispose]: copy.remove };
    } catch (error) {
      await copy.remove();
      if (!isOfPlace(error)) throw error;
      reasons.push(messageOf(error));
    }
  }
  throw new NoPlaceError(`no place for a copy of ${name} that can be opened: ${reasons.join('; ')}`);
}

interface Copy {
  readonly directory: string;
  readonly remove: () => Promise<void>;
}

/** Links to the tables, since they may lie on another file system, and the few files that LevelDB reads and takes away. */
async function copyAt(start: string, source: string): Promise<Copy> {
  const directory = await mkdtemp(start);
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    for (const file of await readdir(source)) {
      if (mute.test(file)) continue;
      const [from, to] = [join(source, file), join(directory, file)];
      await (tables.test(file) ? symlink(from, to) : copyFile(from, to));
    }
    return { directory, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** LevelDB could not read or write a file: those that it reads were read just before, by the check of their bytes. */
function isOfPlace(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (codeOf(each) === 'LEVEL_IO_ERROR') return true;
  return false;
}
