import { EngineFailure } from '../../streams/failure.ts';
import type { MasterKey } from '../master-key.ts';
import { createIndexSeal, type IndexSeal, openIndexSeal, readIndexKey } from './index-seal.ts';
import { blocksIn, inspectKeyFile, keyFilesIn } from './key-block.ts';
import { keysFolder, openRecordKeys, type RecordKeys, readRecordKeys } from './record-keys.ts';
import { createUnseal, type Unseal } from './unseal.ts';
import { otherKey } from './wrapped-key.ts';

/** What an encrypted archive is written and read with. */
export interface Encryption extends AsyncDisposable {
  readonly keys: RecordKeys;
  readonly unseal: Unseal;
  readonly index: IndexSeal;
}

/**
 * Opens the keys of a data directory, and makes them where there are none; null where nothing is encrypted.
 * @throws EngineFailure `key-unusable` where it is encrypted under another master key, or one is needed and none is given
 */
export async function openEncryption(dataDir: string, master: MasterKey | null): Promise<Encryption | null> {
  const directory = keysFolder(dataDir);
  if (master === null) {
    const ids = await keyIdsIn(directory);
    if (ids === null) return null;
    const needed = ids.length === 0 ? 'a master key' : `the master key ${ids.join(' or ')}`;
    const text = `it needs ${needed}, and store.encryption names none`;
    throw new EngineFailure('key-unusable', text);
  }
  const keys = await openRecordKeys(directory, master);
  const last = (await blocksIn(directory)).at(-1);
  // Of a damaged one `verify` and the first write say more.
  if (last !== undefined) await keys.blockOf(last).catch(unlessDamaged);
  const index = await openIndexSeal(directory, master);
  return { keys, unseal: createUnseal(keys), index, [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose]() };
}

/** What an archive is read with by those who change nothing in it. */
export interface Reading {
  readonly unseal: Unseal;
  /** Null where the index is in clear, or its key is not at hand. */
  readonly index: IndexSeal | null;
  /** False where the archive is encrypted and no master key is at hand: chain and heads can be checked, and no more. */
  readonly hasKey: boolean;
}

/** As `openEncryption`, without making anything, and without a key where none is given. @throws EngineFailure `key-unusable` */
export async function openReading(dataDir: string, master: MasterKey | null): Promise<Reading> {
  const directory = keysFolder(dataDir);
  const ids = await keyIdsIn(directory);
  if (ids === null) return { unseal: createUnseal(null), index: null, hasKey: true };
  if (master === null) return { unseal: createUnseal(null), index: null, hasKey: false };
  if (ids.length > 0 && !ids.includes(master.id)) {
    throw new EngineFailure('key-unusable', otherKey('it', ids, master.id));
  }
  const key = await readIndexKey(directory, master).catch(nullIfDamaged);
  return {
    unseal: createUnseal(readRecordKeys(directory, master)),
    index: key === null ? null : createIndexSeal(key),
    hasKey: true,
  };
}

/** Master keys that open the archive as it stands, by its newest file of keys; null where it is not encrypted. */
async function keyIdsIn(directory: string): Promise<readonly string[] | null> {
  const last = (await keyFilesIn(directory)).at(-1);
  return last === undefined ? null : (await inspectKeyFile(directory, last.name, last.number)).keyIds;
}

function unlessDamaged(error: unknown): void {
  if (!(error instanceof EngineFailure) || error.code !== 'damaged') throw error;
}
function nullIfDamaged(error: unknown): null {
  unlessDamaged(error);
  return null;
}
