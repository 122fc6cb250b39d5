import { access, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { writeWhole } from '../whole-file.ts';

/** Stands in a data directory whose archive lies in a cluster: no engine may go on with its files (D-121). */
export const movedFile = 'moved.json';

/** What it tells people; that it stands is all that counts. */
export interface Moved {
  /** ISO 8601. */
  readonly at: string;
  /** Name of the log in the cluster. */
  readonly log: string;
  /** Records that were moved; null while a move back has not come to its end. */
  readonly records: number | null;
}

export const markMoved = (dataDir: string, moved: Moved): Promise<void> =>
  writeWhole(join(dataDir, movedFile), `${JSON.stringify(moved)}\n`, 0o600);

export const isMoved = (dataDir: string): Promise<boolean> =>
  access(join(dataDir, movedFile)).then(
    () => true,
    () => false,
  );

export const unmarkMoved = (dataDir: string): Promise<void> => rm(join(dataDir, movedFile), { force: true });

/** @throws EngineFailure `store-failed` where the archive of this folder lies in a cluster */
export async function refuseMoved(dataDir: string): Promise<void> {
  if (!(await isMoved(dataDir))) return;
  const text = await readFile(join(dataDir, movedFile), 'utf8').catch(() => '');
  const [, at] = /"at":"([^"]+)"/.exec(text) ?? [];
  const since = at === undefined ? '' : ` since ${at}`;
  throw new EngineFailure(
    'store-failed',
    `the archive of ${dataDir} lies in a cluster${since}: set store.backend: cluster, or bring it back with \`daybook migrate back --finish\``,
  );
}
