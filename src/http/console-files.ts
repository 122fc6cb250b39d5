import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** One file of the console, as it is and compressed. */
export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzip: Buffer;
}

/** The built console: its one page, and what that names, by file name. Some 200 KB, so it is kept in memory. */
export interface ConsoleFiles {
  readonly page: ConsoleFile;
  readonly assets: ReadonlyMap<string, ConsoleFile>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where `npm run build` leaves the console, seen from the folder of `engine.ts` or of `engine.js`. */
export function builtConsole(engineFolder: string): string {
  const above = join(engineFolder, '..');
  return basename(above) === 'dist' ? join(above, 'console') : join(above, 'dist', 'console');
}

/** Undefined where it was not built. @throws what the system says when it is there and cannot be read. */
export async function readConsole(folder: string): Promise<ConsoleFiles | undefined> {
  try {
    const page = await readOne(join(folder, 'index.html'));
    const names = await readdir(join(folder, 'assets'));
    const files = await Promise.all(names.map((name) => readOne(join(folder, 'assets', name))));
    return { page, assets: new Map(names.map((name, at) => [name, files[at] as ConsoleFile])) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function readOne(path: string): Promise<ConsoleFile> {
  const bytes = await readFile(path);
  return {
    type: types[extname(path)] ?? 'application/octet-stream',
    bytes,
    gzip: await promisify(gzip)(bytes, { level: 9 }),
  };
}
