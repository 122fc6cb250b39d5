import type { Hold } from '../../streams/keeping.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { CommitLog } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import { matches } from './message-filter.ts';

/** Each look at an entry compares it with every hold. */
export const maxHolds = 1_000;

/** Legal holds: they beat retention and erasure (D-055). */
export interface Holds {
  /** All of them, newest first. */
  all(): Promise<readonly Hold[]>;
  get(id: string): Promise<Hold | undefined>;
  /** In force, durable and in the event log when it answers `done`. */
  place(hold: Omit<Hold, 'placedAt'>, event: EventDraft): Promise<'done' | 'exists' | 'too-many'>;
  lift(id: string, event: EventDraft): Promise<'done' | 'unknown'>;
  /** For each entry the ids of the holds that it is on. */
  on(entries: readonly ArchiveEntry[]): Promise<readonly (readonly string[])[]>;
}

export function createHolds({ log, index }: { readonly log: CommitLog; readonly index: IndexDb }): Holds {
  return {
    all: async () => (await allHolds(index)).toSorted((one, other) => other.placedAt - one.placedAt),
    get: async (id) => index.hold.get(id),
    place: (hold, event) =>
      log.deciding(async (append) => {
        if ((await index.hold.get(hold.id)) !== undefined) return 'exists';
        if ((await allHolds(index)).length >= maxHolds) return 'too-many';
        await append({ kind: 'command', facts: { command: 'hold', hold, event }, payload: [] });
        return 'done';
      }),
    lift: (id, event) =>
      log.deciding(async (append) => {
        if ((await index.hold.get(id)) === undefined) return 'unknown';
        await append({ kind: 'command', facts: { command: 'lift', id, event }, payload: [] });
        return 'done';
      }),
    on: async (entries) => {
      const test = await holdTest(index);
      return entries.map(test);
    },
  };
}

async function allHolds(index: IndexDb): Promise<readonly Hold[]> {
  const holds: Hold[] = [];
  for await (const hold of index.hold.values()) holds.push(hold);
  return holds;
}

/** What tells which holds an entry is on, as they stand now. */
export async function holdTest(index: IndexDb): Promise<(entry: ArchiveEntry) => readonly string[]> {
  const tests = (await allHolds(index)).map((hold) => ({ id: hold.id, covers: coverage(hold) }));
  return (entry) => tests.filter(({ covers }) => covers(entry)).map(({ id }) => id);
}

function coverage({ query, entryIds }: Hold): (entry: ArchiveEntry) => boolean {
  const named = new Set(entryIds);
  if (query === null) return ({ id }) => named.has(id);
  // As a search has it: an id that cannot be one fits nothing.
  const matchKey = query.messageId === undefined ? undefined : (matchKeyOf(query.messageId, null) ?? 'none');
  const filter = matchKey === undefined ? query : { ...query, messageId: matchKey };
  return (entry) => named.has(entry.id) || matches(entry, filter);
}
