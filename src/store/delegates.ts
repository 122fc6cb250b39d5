import { from, lastValueFrom } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { ChunksDone, Receipt } from '../../streams/ports.ts';
import type { Store } from './open-store.ts';

type Delegated = Pick<
  Store,
  | 'custody'
  | 'spool'
  | 'waiting'
  | 'waits'
  | 'bodies'
  | 'gather'
  | 'archive'
  | 'messages'
  | 'intake'
  | 'imports'
  | 'events'
  | 'definitions'
  | 'uidl'
  | 'housekeeping'
  | 'retention'
  | 'holds'
  | 'reparses'
  | 'ledger'
  | 'ledgerDays'
>;

/**
 * The ports of whichever store `of` answers at the time of the call, for who keeps them. Where it throws, since none is
 * open, nothing is thrown here: who asks hears of it by the answer, as of any other failure of a port.
 */
export function delegates(of: () => Store): Delegated {
  return {
    custody: { begin: (done) => beginIn(of, done) },
    spool: {
      due: async (definitionId, now, limit, whose) =>
        lastValueFrom(from(of().spool.due(definitionId, now, limit, whose))),
      defer: async (items) => lastValueFrom(from(of().spool.defer(items))),
    },
    waiting: async (matchKey, limit) => of().waiting(matchKey, limit),
    waits: async function* () {
      yield* of().waits();
    },
    bodies: {
      read: async (body, decoding, sha256) => lastValueFrom(from(of().bodies.read(body, decoding, sha256))),
      lend: (sha256, use) => whole(of)?.bodies.lend?.(sha256, use),
    },
    gather: async (body, into) => of().gather(body, into),
    archive: {
      lookup: async (keys) => lastValueFrom(from(of().archive.lookup(keys))),
      settle: async (requests) => lastValueFrom(from(of().archive.settle(requests))),
    },
    messages: {
      find: async (query, lists) => of().messages.find(query, lists),
      get: async (id) => of().messages.get(id),
      goneOf: async (id) => of().messages.goneOf(id),
    },
    intake: {
      find: async (query) => of().intake.find(query),
      get: async (id) => of().intake.get(id),
    },
    imports: { find: async (definitionId, names) => of().imports.find(definitionId, names) },
    events: {
      append: async (draft) => lastValueFrom(from(of().events.append(draft))),
      find: async (query) => of().events.find(query),
    },
    definitions: {
      all: async () => of().definitions.all(),
      get: async (id) => of().definitions.get(id),
      version: async (id, version) => of().definitions.version(id, version),
      command: async (facts, stands) => of().definitions.command(facts, stands),
      loadRuntime: async (id) => of().definitions.loadRuntime(id),
      saveRuntime: async (id, runtime) => of().definitions.saveRuntime(id, runtime),
      forget: async (id) => of().definitions.forget(id),
    },
    uidl: (definitionId) => ({
      read: async () => of().uidl(definitionId).read(),
      write: async (changes, options) => of().uidl(definitionId).write(changes, options),
    }),
    ledger: async (definitionId, day) => of().ledger(definitionId, day),
    ledgerDays: async (definitionId, limit, cursor) => of().ledgerDays(definitionId, limit, cursor),
    housekeeping: {
      purgeSkipped: async (now, limit) => of().housekeeping.purgeSkipped(now, limit),
      dropPurged: async (before, limit) => of().housekeeping.dropPurged(before, limit),
      summariseHeld: async (now) => of().housekeeping.summariseHeld(now),
    },
    retention: {
      keep: async (definitionId, ms) => of().retention.keep(definitionId, ms),
      said: async (definitionId) => of().retention.said(definitionId),
      leapAt: (now) => whole(of)?.retention.leapAt(now) ?? null,
      resume: async (event) => of().retention.resume(event),
      look: async (now) => of().retention.look(now),
      due: async function* (now) {
        yield* of().retention.due(now);
      },
      erase: async (entryId, event) => of().retention.erase(entryId, event),
      summarise: async (now) => of().retention.summarise(now),
      compact: async (before, now) => of().retention.compact(before, now),
    },
    ...overEntries(of),
  };
}

/** What is said of entries that stand. */
const overEntries = (of: () => Store): Pick<Delegated, 'holds' | 'reparses'> => ({
  holds: {
    all: async () => of().holds.all(),
    get: async (id) => of().holds.get(id),
    place: async (hold, event) => of().holds.place(hold, event),
    lift: async (id, event) => of().holds.lift(id, event),
    on: async (entries) => of().holds.on(entries),
  },
  reparses: {
    replace: async (reparsed) => of().reparses.replace(reparsed),
    look: async (reparsed) => of().reparses.look(reparsed),
  },
});

/** None is open: bytes that were taken in by the last one have to be read. */
function whole(of: () => Store): Store | undefined {
  try {
    return of();
  } catch {
    return undefined;
  }
}

function beginIn(of: () => Store, done: ChunksDone | undefined): Receipt {
  try {
    return of().custody.begin(done);
  } catch (error) {
    return new RefusedReceipt(error);
  }
}

/** Of a message that came while no store was open: it is refused at its end, as after any other failure. */
class RefusedReceipt implements Receipt {
  readonly size = 0;
  readonly #reason: unknown;

  constructor(reason: unknown) {
    this.#reason = reason instanceof EngineFailure ? reason : new EngineFailure('store-failed', String(reason));
  }

  write(): undefined {
    return undefined;
  }

  async preview(): Promise<never> {
    throw this.#reason;
  }

  async commit(): Promise<never> {
    throw this.#reason;
  }

  abort(): void {}
}
