import { inspectKeyFile, keyFilesIn } from './key-block.ts';
import type { FileFault } from './leveldb-check.ts';
import { keysFolder } from './record-keys.ts';

/** The files of keys of an archive, as far as can be seen without the master key. */
export interface KeyFiles {
  /** Master keys that open them; none where nothing is encrypted. */
  readonly keyIds: readonly string[];
  readonly faults: readonly FileFault[];
  readonly bytes: number;
}

/** Looks at every byte of them. @throws the system's error */
export async function checkKeyFiles(dataDir: string): Promise<KeyFiles> {
  const directory = keysFolder(dataDir);
  const keyIds = new Set<string>();
  const faults: FileFault[] = [];
  let bytes = 0;
  for (const { name, number } of await keyFilesIn(directory)) {
    const found = await inspectKeyFile(directory, name, number);
    for (const id of found.keyIds) keyIds.add(id);
    faults.push(...found.faults);
    bytes += found.bytes;
  }
  return { keyIds: [...keyIds].sort(), faults, bytes };
}
