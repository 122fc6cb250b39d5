import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import type { ExportWish } from './target.types.ts';

/**
 * The file that says that what stands here is an export under way, and of what: without it nothing that is there is
 * touched.
 */
export interface ExportState {
  /** An earlier run began this. */
  readonly isResumed: boolean;
  /** When it was begun. */
  readonly asOf: string;
  /** Nothing is under way any more. */
  end(): Promise<void>;
}

/** @throws CommandFailure where something else stands there, or another export */
export async function openState(
  { format, query, to, asOf }: ExportWish,
  { path, written }: { readonly path: string; readonly written: readonly string[] },
): Promise<ExportState> {
  const wish = { format, query };
  const end = (): Promise<void> => rm(path, { force: true });
  const stands = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new CommandFailure(exitCodes.failed, `${path}: ${error.code}`);
    return undefined;
  });
  if (stands !== undefined) {
    const begun = beginOf(stands, wish);
    if (begun !== undefined) return { isResumed: true, asOf: begun, end };
    throw new CommandFailure(
      exitCodes.failed,
      `${to} holds an unfinished export of another search or format: finish or remove it`,
    );
  }
  for (const each of written) {
    if (await isThere(each))
      throw new CommandFailure(exitCodes.failed, `${each} is there already: choose another place`);
  }
  await writeFile(path, `${JSON.stringify({ ...wish, asOf })}\n`, { mode: 0o600, flag: 'wx' });
  return { isResumed: false, asOf, end };
}

/** When the export that is under way was begun, where it is this one. */
function beginOf(stands: string, wish: object): string | undefined {
  try {
    const { asOf, ...other } = JSON.parse(stands) as { readonly asOf?: string };
    return JSON.stringify(other) === JSON.stringify(wish) ? asOf : undefined;
  } catch {
    return undefined;
  }
}

/** Whatever it is, a broken link too; an empty folder counts as nothing. */
async function isThere(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return false;
  return !found.isDirectory() || (await readdir(path)).length > 0;
}
