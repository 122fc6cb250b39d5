import { EngineFailure } from '../../streams/failure.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart, openKey, within } from './keys.ts';

/** Small documents of one definition by key, such as the UIDL ledger of a mailbox. */
export interface UidlStore {
  read(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
  /** All or nothing; durable when it resolves. Null forgets the key. @throws EngineFailure `store-failed` */
  write(changes: ReadonlyMap<string, Readonly<Record<string, unknown>> | null>): Promise<void>;
}

/** Not part of the commit log: with a rebuilt index, mail still in the mailbox comes again and joins what stands. */
export function createUidlStore(index: IndexDb, definitionId: string): UidlStore {
  const { uidl, database, behind } = index;
  return {
    read: async () => {
      const entries = new Map<string, Readonly<Record<string, unknown>>>();
      for await (const [key, value] of uidl.iterator(within(definitionId))) entries.set(lastPart(key), value);
      return entries;
    },
    write: async (changes) => {
      const ops = [...changes].map(([key, value]) =>
        value === null
          ? { type: 'del' as const, sublevel: uidl, key: openKey(definitionId, key) }
          : { type: 'put' as const, sublevel: uidl, key: openKey(definitionId, key), value },
      );
      if (ops.length === 0) return;
      try {
        await database.batch(ops as never, { sync: true });
      } catch (error) {
        behind.failed(error);
        throw new EngineFailure('store-failed', String(error), { cause: error });
      }
    },
  };
}
