import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Closing } from '../close.ts';
import { keyFile } from '../evidence/signing-key.ts';
import type { Log } from '../log.ts';
import { notedSuffix, readNoted, writeNoted } from '../noted-file.ts';
import type { FileFault } from '../store/leveldb-check.ts';
import { definitionKeyFile, isDefinitionKeyWhole } from './definition-secrets.ts';
import { scrubState } from './scrub.ts';
import { suspectsState } from './suspects.ts';

/**
 * The small files of a data directory that no record tells of. Each says by itself whether it is as it was written; that one
 * is gone is known by a list, written when an engine stops.
 */
const listFile = `files${notedSuffix}`;
/** These come and go. */
const fleeting: readonly string[] = [listFile, scrubState, suspectsState];

/** Tells of those that are gone, and lists them at the end: what is added to `stack` later closes earlier. */
export async function keepSmallFiles({
  dataDir,
  log,
  stack,
}: {
  readonly dataDir: string;
  readonly log: Log;
  readonly stack: Closing;
}): Promise<void> {
  for (const file of await missingSmallFiles(dataDir)) {
    log('error', 'a file is gone that was there when the engine stopped: what it held begins anew', { file });
  }
  stack.defer(() =>
    listSmallFiles(dataDir).catch((error: unknown) =>
      log('warn', 'the small files could not be listed', { error: String(error) }),
    ),
  );
}

/** To be called when nothing writes any more. */
async function listSmallFiles(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter(
    (name) =>
      (name.endsWith(notedSuffix) && !fleeting.includes(name)) || name === definitionKeyFile || name === keyFile,
  );
  await writeNoted(join(dataDir, listFile), names.toSorted());
}

/** Those that were there when an engine stopped last, and are not any more. */
async function missingSmallFiles(dataDir: string): Promise<readonly string[]> {
  const noted = await readNoted(join(dataDir, listFile));
  if (noted.kind !== 'value') return [];
  const there = await readdir(dataDir);
  return (noted.value as readonly string[]).filter((name) => !there.includes(name));
}

/** What is not as it was written, or is gone. */
export async function smallFaults(dataDir: string): Promise<readonly FileFault[]> {
  const names = (await readdir(dataDir)).filter((name) => name.endsWith(notedSuffix));
  const kinds = await Promise.all(names.map(async (name) => (await readNoted(join(dataDir, name))).kind));
  const damaged = names.filter((_, at) => kinds[at] === 'damaged');
  const missing = await missingSmallFiles(dataDir);
  if (!missing.includes(definitionKeyFile) && !(await isDefinitionKeyWhole(dataDir))) damaged.push(definitionKeyFile);
  return [
    ...damaged.map((file) => ({ file, text: 'is not as it was written' })),
    ...missing.map((file) => ({ file, text: 'is missing, and was there when the engine stopped' })),
  ];
}
