import { EngineFailure } from '../../streams/failure.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart, openKey, within } from './keys.ts';

type Document = Readonly<Record<string, unknown>>;

/**
 * What is kept for a definition beside the commit log: a rebuilt index does without it. The ledger of its mailbox (with a
 * lost one, mail still in the mailbox comes again and joins what stands), and what its lifecycle saves now and then.
 */
export interface Documents {
  readUidl(definitionId: string): Promise<ReadonlyMap<string, Document>>;
  /**
   * All or nothing; durable when it resolves, or with `sync: false` once something after it is. Null forgets the key.
   * @throws EngineFailure `store-failed`
   */
  writeUidl(
    definitionId: string,
    changes: ReadonlyMap<string, Document | null>,
    options: { readonly sync: boolean },
  ): Promise<void>;
  loadRuntime(definitionId: string): Promise<Document | undefined>;
  saveRuntime(definitionId: string, runtime: Document): Promise<void>;
  /** All of a removed definition. Durable when it resolves. */
  forget(definitionId: string): Promise<void>;
}

/** In rooms of the index of their own. */
export function createLevelDocuments(index: IndexDb): Documents {
  const { uidl, runtime, behind, database } = index;
  return {
    readUidl: async (definitionId) => {
      const entries = await uidl.iterator(within(definitionId)).all();
      return new Map(entries.map(([key, value]) => [lastPart(key), value]));
    },
    writeUidl: async (definitionId, changes, options) => {
      const rows = [...changes].map(([key, value]) => ({ key: openKey(definitionId, key), value }));
      try {
        await index.writePast(uidl, rows, options);
      } catch (error) {
        behind.failed(error);
        throw new EngineFailure('store-failed', String(error), { cause: error });
      }
    },
    loadRuntime: async (definitionId) => runtime.get(definitionId),
    saveRuntime: (definitionId, saved) => runtime.put(definitionId, saved),
    forget: async (definitionId) => {
      await uidl.clear(within(definitionId));
      await database.batch([{ type: 'del', sublevel: runtime as never, key: definitionId }], { sync: true });
    },
  };
}
