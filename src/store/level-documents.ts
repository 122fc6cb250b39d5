import type { CommandFacts, CommitLog } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart, openKey, within } from './keys.ts';

type Document = Readonly<Record<string, unknown>>;

/**
 * What is kept for a definition: the ledger of its mailbox, and what its lifecycle saves now and then, which stands beside
 * the commit log, so that a rebuilt index does without it.
 */
export interface Documents {
  readUidl(definitionId: string): Promise<ReadonlyMap<string, Document>>;
  /**
   * All or nothing, up to 10,000 keys. Durable when it resolves; with `sync: false` in force only, so that a restart may put
   * it back. Null forgets the key. @throws EngineFailure `store-failed`
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

/** Some 2 MB of a record. */
const maxChanges = 10_000;

/** In rooms of the index of their own; the ledger of a mailbox is a fold like all the rest of it (D-140). */
export function createLevelDocuments(log: Pick<CommitLog, 'append'>, index: IndexDb): Documents {
  const { uidl, runtime, behind, database } = index;
  const append = async (definitionId: string, changes: readonly (readonly [string, Document | null])[]) => {
    const facts: CommandFacts = { command: 'mailbox', definitionId, changes };
    await log.append({ kind: 'command', facts, payload: [] });
  };
  return {
    readUidl: async (definitionId) => {
      const entries = new Map<string, Document>();
      for await (const [key, value] of uidl.entries(within(definitionId))) entries.set(lastPart(key), value);
      return entries;
    },
    writeUidl: async (definitionId, changes, { sync }) => {
      const all = [...changes];
      if (sync) {
        const parts = Array.from({ length: Math.ceil(all.length / maxChanges) }, (_, at) =>
          all.slice(at * maxChanges, (at + 1) * maxChanges),
        );
        await Promise.all(parts.map((part) => append(definitionId, part)));
        return;
      }
      behind.apply(
        all.map(([key, value]) => ({
          prefix: uidl.prefix,
          key: openKey(definitionId, key),
          value,
          gone: value === null,
          isNew: false,
        })),
      );
    },
    loadRuntime: async (definitionId) => runtime.get(definitionId),
    saveRuntime: (definitionId, saved) => runtime.put(definitionId, saved),
    forget: async (definitionId) => {
      await database.batch([{ type: 'del', sublevel: runtime as never, key: definitionId }], { sync: true });
    },
  };
}
