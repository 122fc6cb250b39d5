import { EngineFailure } from '../../streams/failure.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart, openKey, within } from './keys.ts';

/** Small documents of one definition by key, such as the UIDL ledger of a mailbox. */
export interface UidlStore {
  read(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
  /**
   * All or nothing; durable when it resolves, or with `sync: false` once something after it is. Null forgets the key.
   * @throws EngineFailure `store-failed`
   */
  write(
    changes: ReadonlyMap<string, Readonly<Record<string, unknown>> | null>,
    options?: { readonly sync: boolean },
  ): Promise<void>;
}

/** Not part of the commit log: with a rebuilt index, mail still in the mailbox comes again and joins what stands. */
export function createUidlStore(index: IndexDb, definitionId: string): UidlStore {
  const { uidl, behind } = index;
  return {
    read: async () => {
      const entries = await uidl.iterator(within(definitionId)).all();
      return new Map(entries.map(([key, value]) => [lastPart(key), value]));
    },
    write: async (changes, options = { sync: true }) => {
      if (changes.size === 0) return;
      const rows = [...changes].map(([key, value]) => ({ key: openKey(definitionId, key), value }));
      try {
        await index.writePast(uidl, rows, options);
      } catch (error) {
        behind.failed(error);
        throw new EngineFailure('store-failed', String(error), { cause: error });
      }
    },
  };
}
