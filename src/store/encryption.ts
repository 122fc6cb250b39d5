import { readdir } from 'node:fs/promises';
import { EngineFailure } from '../../streams/failure.ts';
import type { MasterKey } from '../master-key.ts';
import { createIndexSeal, type IndexSeal, indexKeyName, openIndexKey } from './index-seal.ts';
import { blockName, blocksIn, inspectKeyFile } from './key-block.ts';
import { keysFolder, openRecordKeys, type RecordKeys } from './record-keys.ts';
import { codeOf } from './segment-files.ts';
import { createUnseal, type Unseal } from './unseal.ts';

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
    const text = `it needs the master key ${ids.join(' or ')}, and store.encryption names none`;
    throw new EngineFailure('key-unusable', text);
  }
  const keys = await openRecordKeys(directory, master);
  const last = (await blocksIn(directory)).at(-1);
  // Of a damaged one `verify` and the first write say more.
  if (last !== undefined) await keys.blockOf(last).catch(unlessDamaged);
  const index = createIndexSeal(await openIndexKey(directory, master));
  return { keys, unseal: createUnseal(keys), index, [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose]() };
}

/** Master keys that open the archive as it stands, by its newest file of keys; null where it is not encrypted. */
async function keyIdsIn(directory: string): Promise<readonly string[] | null> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    return [] as string[];
  });
  const last = (await blocksIn(directory)).at(-1);
  if (last !== undefined) return (await inspectKeyFile(directory, blockName(last), last)).keyIds;
  return names.includes(indexKeyName) ? (await inspectKeyFile(directory, indexKeyName, 0)).keyIds : null;
}

function unlessDamaged(error: unknown): void {
  if (!(error instanceof EngineFailure) || error.code !== 'damaged') throw error;
}
