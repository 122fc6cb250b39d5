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
      fault(found, table.length === size ? faultOfTable(table) : `has ${table.length} bytes and had ${size}`);
    }
  }
  for (const name of names.filter((each) => /^\d+\.log$/.test(each) && Number.parseInt(each, 10) >= live.firstLog)) {
    const { fault: wrong, isCut } = readLogFile(await read(name));
    fault(name, isCut && isTorn ? null : wrong);
  }
  return { faults, bytes };
}

/** True for the files that are read here or say nothing. */
export const isLevelFile = (name: string): boolean =>
  unchecked.test(name) || /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp))$/.test(name);
