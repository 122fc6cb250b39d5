import type { Documents } from './level-documents.ts';

/** Small documents of one definition by key, such as the UIDL ledger of a mailbox. */
export interface UidlStore {
  read(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
  /**
   * All or nothing, up to 10,000 keys. Durable when it resolves; with `sync: false` in force only, so that a restart may put
   * it back. Null forgets the key. @throws EngineFailure `store-failed`
   */
  write(
    changes: ReadonlyMap<string, Readonly<Record<string, unknown>> | null>,
    options?: { readonly sync: boolean },
  ): Promise<void>;
}

export function createUidlStore(documents: Documents, definitionId: string): UidlStore {
  return {
    read: () => documents.readUidl(definitionId),
    write: async (changes, options = { sync: true }) => {
      if (changes.size > 0) await documents.writeUidl(definitionId, changes, options);
    },
  };
}
