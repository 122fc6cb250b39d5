import type { Store } from './open-store.ts';

type Delegated = Pick<
  Store,
  | 'custody'
  | 'spool'
  | 'bodies'
  | 'gather'
  | 'archive'
  | 'messages'
  | 'intake'
  | 'events'
  | 'definitions'
  | 'uidl'
  | 'housekeeping'
  | 'ledger'
>;

/** The ports of whichever store `of` answers at the time of the call, for who keeps them. */
export function delegates(of: () => Store): Delegated {
  return {
    custody: { begin: (done) => of().custody.begin(done) },
    spool: {
      due: (definitionId, now, limit) => of().spool.due(definitionId, now, limit),
      defer: (items) => of().spool.defer(items),
    },
    bodies: {
      read: (body, decoding, sha256) => of().bodies.read(body, decoding, sha256),
      lend: (sha256, use) => of().bodies.lend?.(sha256, use),
    },
    gather: async (body, into) => of().gather(body, into),
    archive: {
      lookup: (keys) => of().archive.lookup(keys),
      settle: (requests) => of().archive.settle(requests),
    },
    messages: {
      find: async (query) => of().messages.find(query),
      get: async (id) => of().messages.get(id),
    },
    intake: {
      find: async (query) => of().intake.find(query),
      get: async (id) => of().intake.get(id),
    },
    events: {
      append: (draft) => of().events.append(draft),
      find: async (query) => of().events.find(query),
    },
    definitions: {
      all: async () => of().definitions.all(),
      get: async (id) => of().definitions.get(id),
      version: async (id, version) => of().definitions.version(id, version),
      command: async (facts) => of().definitions.command(facts),
      loadRuntime: async (id) => of().definitions.loadRuntime(id),
      saveRuntime: async (id, runtime) => of().definitions.saveRuntime(id, runtime),
      forget: async (id) => of().definitions.forget(id),
    },
    uidl: (definitionId) => ({
      read: async () => of().uidl(definitionId).read(),
      write: async (changes) => of().uidl(definitionId).write(changes),
    }),
    ledger: async (definitionId, day) => of().ledger(definitionId, day),
    housekeeping: {
      purgeSkipped: async (now, limit) => of().housekeeping.purgeSkipped(now, limit),
      dropPurged: async (before, limit) => of().housekeeping.dropPurged(before, limit),
      summariseHeld: async (now) => of().housekeeping.summariseHeld(now),
    },
  };
}
