import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readLogFile } from './leveldb-log.ts';
import { liveFilesOf } from './leveldb-manifest.ts';
import { faultOfTable } from './leveldb-table.ts';

/** A file that is not what was written. */
export interface FileFault {
  /** Relative to the data directory. */
  readonly file: string;
  readonly text: string;
  /** In bytes from the start of the file, where it is known. */
  readonly offset?: number;
}
export interface LevelCheck {
  readonly faults: readonly FileFault[];
  readonly bytes: number;
}

/** Files of LevelDB that say nothing of what is stored. */
const unchecked = /^(?:LOCK|LOG|LOG\.old)$/;

/**
 * Checks the files of a LevelDB that nobody writes, byte by byte: every block and every record against its checksum, which
 * classic-level does not do when it reads, and the files that the manifest names against those that are there. Reads only.
 * `isTorn`: the end of the log may be missing, as after a kill.
 */
export async function checkLevelFiles(
  directory: string,
  { isTorn }: { readonly isTorn: boolean },
): Promise<LevelCheck> {
  const faults: FileFault[] = [];
  const shown = (name: string): string => `${basename(directory)}/${name}`;
  const fault = (name: string, text: string | null): void => {
    if (text !== null) faults.push({ file: shown(name), text });
  };
  const names = await readdir(directory);
  let bytes = 0;
  const read = async (name: string): Promise<Buffer> => {
    const content = await readFile(join(directory, name));
    bytes += content.length;
    return content;
  };
  const current = names.includes('CURRENT') ? (await read('CURRENT')).toString('latin1') : '';
  const manifest = /^(MANIFEST-\d{6,})\n$/.exec(current)?.[1];
  if (manifest === undefined || !names.includes(manifest)) {
    fault('CURRENT', 'names no manifest that is there');
    return { faults, bytes };
  }
  const edits = readLogFile(await read(manifest));
  fault(manifest, edits.fault);
  const live = liveFilesOf(edits.records);
  fault(manifest, live.fault);
  // Others wait to be deleted, or were begun when the database was closed: nothing of them is ever read.
  for (const { name, size } of live.tables) {
    const found = [name, name.replace(/ldb$/, 'sst')].find((each) => names.includes(each));
    if (found === undefined) fault(name, 'is missing');
    else {
      const table = await read(found);
      fault(found, faultOf(table, size));
    }
  }
  for (const name of names.filter((each) => /^\d+\.log$/.test(each) && Number.parseInt(each, 10) >= live.firstLog)) {
    const { fault: wrong, isCut } = readLogFile(await read(name));
    fault(name, isCut && isTorn ? null : wrong);
  }
  return { faults, bytes };
}

/** A table of a LevelDB that somebody writes, as it is. */
export interface TableCheck {
  /** Relative to the data directory. */
  readonly file: string;
  readonly size: number;
  readonly fault: string | null;
}

/**
 * Checks the tables that a LevelDB has now, one by one, while its owner writes: they are never changed, only made and
 * deleted, and the manifest names those that are whole. Its log and its manifest are the owner's.
 */
export async function* liveTables(directory: string): AsyncGenerator<TableCheck> {
  const manifest = (await readFile(join(directory, 'CURRENT'), 'latin1')).trim();
  const { records } = readLogFile(await readFile(join(directory, manifest)));
  for (const { name, size } of liveFilesOf(records).tables) {
    for (const each of [name, name.replace(/ldb$/, 'sst')]) {
      const table = await readFile(join(directory, each)).catch((error: NodeJS.ErrnoException) => error);
      // Deleted since, or never of this name.
      if (table instanceof Error && table.code === 'ENOENT') continue;
      if (table instanceof Error && table.code !== 'EIO') throw table;
      yield { file: `${basename(directory)}/${each}`, size, fault: faultOf(table, size) };
    }
  }
}

function faultOf(table: Buffer | Error, size: number): string | null {
  if (table instanceof Error) return 'cannot be read';
  return table.length === size ? faultOfTable(table) : `has ${table.length} bytes and had ${size}`;
}

/** True for the files that are read here or say nothing. */
export const isLevelFile = (name: string): boolean =>
  unchecked.test(name) || /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp))$/.test(name);
