import { access, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { type IndexDb, openIndexDb, snapshotOf } from './index-db.ts';
import type { IndexSeal } from './index-seal.ts';
import { indexFormat, reparsedFormat } from './rows.ts';
import { codeOf } from './segment-files.ts';

/** The index as it stands, or a new one at the first start and for a rebuild; never an empty one beside a log. */
export async function prepareIndex({
  dataDir,
  rebuild,
  seal = null,
}: {
  readonly dataDir: string;
  readonly rebuild?: unknown;
  readonly seal?: IndexSeal | null;
}): Promise<IndexDb> {
  const directory = join(dataDir, 'index');
  if (rebuild !== undefined) await rm(directory, { recursive: true, force: true });
  const stands = await exists(join(directory, 'CURRENT'));
  const hasLog = (await exists(join(dataDir, 'commitlog'))) || (await exists(join(dataDir, 'bodies')));
  if (!stands && hasLog && rebuild === undefined) {
    throw new EngineFailure('index-unknown', 'the index is missing; run `daybook rebuild-index`');
  }
  if (stands) await snapshot(directory, snapshotOf(directory));
  const index = await openIndexDb(directory, !stands, seal);
  const format = await formatOf(index);
  if (format === undefined) await writeFormat(index);
  else if (format !== indexFormat && format !== reparsedFormat) {
    await index[Symbol.asyncDispose]();
    throw new EngineFailure('index-unknown', `index format ${String(format)}; run \`daybook rebuild-index\``);
  }
  return index;
}

/** @throws EngineFailure `index-unknown` where it is in clear beside an encrypted log, or encrypted under a key that is lost */
async function formatOf(index: IndexDb): Promise<unknown> {
  try {
    return await index.meta.get('format');
  } catch (error) {
    await index[Symbol.asyncDispose]();
    if (codeOf(error) !== 'LEVEL_DECODE_ERROR') throw error;
    const text = 'it is not encrypted with the key of this archive; run `daybook rebuild-index`';
    throw new EngineFailure('index-unknown', text, { cause: error });
  }
}

/** Makes all that the index was told so far durable, and with it of which format it is. */
export async function writeFormat({ behind, meta }: IndexDb): Promise<void> {
  const value = (await meta.get('format')) ?? indexFormat;
  behind.apply([{ prefix: meta.prefix, key: 'format', value, gone: false, isNew: false }]);
  await behind.flush({ sync: true });
}

/** Hard links to every file as it stood: opening LevelDB on a damaged manifest deletes what it no longer knows. */
async function snapshot(directory: string, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { mode: 0o700 });
  for (const name of await readdir(directory)) {
    if (name !== 'LOCK') await link(join(directory, name), join(into, name));
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
