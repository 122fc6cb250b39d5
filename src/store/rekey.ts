import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { keyFilesIn } from './key-block.ts';
import { keysFolder } from './record-keys.ts';
import { addKey, type Keys, keepKey } from './wrapped-key.ts';

/** What is done to one file of keys: the new master key is let in, or the old one shut out. */
export interface RekeyStep {
  readonly step: 'add' | 'keep';
  readonly file: string;
}

/**
 * Puts another master key in the place of the one in force, the engine stopped. Only wrapped keys are written, never mail.
 *
 * First every file is opened to the new key too, then closed to the old one. A crash in the first half leaves the old key
 * good for all files, one in the second half the new one; done again with both keys, it goes on where it was. The index comes first
 * and the newest block last, which is what a start looks at: it goes by the new key once every file does. Resolves with
 * the number of files.
 * @throws EngineFailure `key-unusable` where neither key opens a file, `damaged` with its name: nothing is shut out then;
 * `missing` where nothing is encrypted
 */
export async function rekey(dataDir: string, keys: Keys, done: (step: RekeyStep) => void): Promise<number> {
  const directory = keysFolder(dataDir);
  const files = await keyFilesIn(directory);
  if (files.length === 0) throw new EngineFailure('missing', `${directory}: the archive is not encrypted`);
  for (const { name, number } of files) {
    await addKey(join(directory, name), number, keys);
    done({ step: 'add', file: name });
  }
  for (const { name, number } of files) {
    await keepKey(join(directory, name), number, keys);
    done({ step: 'keep', file: name });
  }
  return files.length;
}
