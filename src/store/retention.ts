import type { DeleteRule, Gone } from '../../streams/keeping.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { Append, CommandFacts, CommitLog } from './commit-log.types.ts';
import { keepKeyOf } from './entry-keys.ts';
import type { CompactionRow } from './fold-retention.ts';
import { holdTest, maxHolds } from './holds.ts';
import { destroyBuried } from './housekeeping.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { type KeepSaid, periodAt } from './keep-period.ts';
import { keepersOf, keepUntil, keyAfter, lastPart, rangeOf } from './keys.ts';
import { type LogTime, longestStepMs } from './log-time.ts';

const dayMs = 86_400_000;
/** Entries deleted by one record; fewer where there are many holds to compare them with. */
const entriesAtOnce = 200;
const comparisonsAtOnce = 20_000;
/** The index is written anew to give deleted mail up: next day, and then at most this often. */
const compactEveryMs = 7 * dayMs;

/** What an erasure came to. */
export type Erasure =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'gone'; readonly gone: Gone }
  | { readonly kind: 'held'; readonly holds: readonly string[] };

/** How long mail is kept, and its deletion (D-054, D-055). Times are epoch milliseconds. */
export interface Retention {
  /** Notes how long a definition's mail is kept (null: the gateway's), where that is another time than before. */
  keep(definitionId: string | null, ms: number | null): Promise<void>;
  /** What was said of it, newest last. */
  said(definitionId: string | null): Promise<readonly KeepSaid[]>;
  /** Since when nothing is deleted by its time, because the clock leapt; null: it goes on. */
  leapAt(now: number): LogTime['leap'];
  /** The clock is right. Durable when it resolves. */
  resume(event: EventDraft): Promise<void>;
  /** A record where there was none for a day: the log keeps an eye on the clock. */
  look(now: number): Promise<void>;
  /** Deletes what is past its time and on no hold, in small records; each step answers how many. Nothing while paused. */
  due(now: number): AsyncGenerator<number, void>;
  /** Deletes one entry before its time, unless it is on hold. */
  erase(entryId: string, event: EventDraft): Promise<Erasure>;
  /** One event for each definition of which mail was deleted on an earlier day (UTC). */
  summarise(now: number): Promise<void>;
  /** Writes the index anew where it holds what was deleted before `before`; not every time. True: it did. */
  compact(before: number, now: number): Promise<boolean>;
}

export interface RetentionParts {
  readonly log: CommitLog;
  readonly index: IndexDb;
  readonly memory: IndexMemory;
}

export function createRetention(parts: RetentionParts): Retention {
  const { log, index, memory } = parts;
  const command = (facts: CommandFacts) => log.append({ kind: 'command', facts, payload: [] });
  const said = async (definitionId: string | null) => (await index.said.get(rangeOf(definitionId))) ?? [];
  const leapAt = (now: number): LogTime['leap'] => {
    if (memory.time === null) return null;
    const { at, leap } = memory.time;
    return leap ?? (now - at > longestStepMs ? { from: at, to: now } : null);
  };
  const batches = async function* (now: number): AsyncGenerator<number> {
    if (leapAt(now) !== null) return;
    let written: Promise<void> | undefined;
    const inTables = (): Promise<void> => (written ??= index.toTables());
    for await (const keepers of keeperSets(index)) {
      const periodMs = await periodOf(index, keepers, now);
      if (periodMs === null) continue;
      const range = keepUntil(keepers, now - periodMs);
      for (let from = range.gte; ; ) {
        const limit = await batchSize(index);
        const keys = await index.keep.keysNow({ gte: from, lt: range.lt, limit });
        const last = keys.at(-1);
        if (last === undefined) break;
        from = keyAfter(last);
        // Somebody may have said meanwhile that it is kept for longer.
        if (leapAt(now) !== null || (await periodOf(index, keepers, now)) !== periodMs) break;
        await inTables();
        yield await log.deciding((append) => deleteDue(parts, keys, append));
      }
    }
  };
  return {
    said,
    leapAt,
    keep: async (definitionId, ms) => {
      if (((await said(definitionId)).at(-1)?.ms ?? null) === ms) return;
      await command({ command: 'keep', definitionId, ms });
    },
    resume: async (event) => void (await command({ command: 'resume-retention', event })),
    look: async (now) => {
      const { time } = memory;
      if (time !== null && now - time.at >= dayMs) await command({ command: 'look' });
    },
    due: (now) => thenDestroyed(parts, batches(now)),
    erase: async (entryId, event) => {
      const erased = await log.deciding((append) => erase(parts, { entryId, event }, append));
      if (erased.kind === 'done') await destroyBuried(parts);
      return erased;
    },
    summarise: async (now) => {
      for (const range of memory.definitions()) {
        const definitionId = range === rangeOf(null) ? null : range;
        const { deletedDigest } = memory.figuresOf(definitionId);
        if (deletedDigest === undefined || dayOf(deletedDigest.firstAt) >= dayOf(now)) continue;
        await command({ command: 'summarise-deleted', definitionId });
      }
    },
    compact: async (before, now) => {
      const row = (await index.meta.get('compaction')) as CompactionRow | undefined;
      if (row?.dueSince == null || row.dueSince >= before) return false;
      if (row.doneAt !== null && now - row.doneAt < compactEveryMs) return false;
      await index.compact();
      await command({ command: 'compacted' });
      return true;
    },
  };
}

const dayOf = (at: number): number => Math.floor(at / dayMs);

/** The sets of definitions that keep some entry. */
async function* keeperSets(index: IndexDb): AsyncGenerator<readonly string[], void> {
  for (let from = ''; ; ) {
    const [key] = await index.keep.keysNow({ gte: from, lt: '\uffff', limit: 1 });
    if (key === undefined) return;
    const { keepers, end } = keepersOf(key);
    from = end;
    yield keepers;
  }
}

/** How long these keep an entry together: the longest of them; null: for ever. */
async function periodOf(index: IndexDb, keepers: readonly string[], now: number): Promise<number | null> {
  const said = await index.said.getMany(keepers);
  const periods = said.map((each) => periodAt(each ?? [], now)).filter((period) => period !== null);
  return periods.length === keepers.length ? Math.max(...periods) : null;
}

/** The keys of what was deleted go when the pass ends, however it does. */
async function* thenDestroyed(parts: RetentionParts, batches: AsyncGenerator<number>): AsyncGenerator<number> {
  let deleted = 0;
  try {
    for await (const some of batches) {
      deleted += some;
      yield some;
    }
  } finally {
    if (deleted > 0) await destroyBuried(parts);
  }
}

/** One look at the holds for each batch: how many comparisons one turn may take is bounded. */
async function batchSize(index: IndexDb): Promise<number> {
  const holds = await index.hold.keysNow({ gte: '', lt: '\uffff', limit: maxHolds });
  return Math.max(10, Math.min(entriesAtOnce, Math.floor(comparisonsAtOnce / Math.max(1, holds.length))));
}

/** Under the lock: those of the keys that still stand as they were found, and on no hold. Answers how many. */
async function deleteDue({ index }: RetentionParts, keys: readonly string[], append: Append): Promise<number> {
  const entries = await index.entry.getMany(keys.map(lastPart));
  const holdsOn = await holdTest(index);
  const due = entries.filter(
    (entry, at): entry is ArchiveEntry =>
      entry !== undefined && keepKeyOf(entry) === keys[at] && holdsOn(entry).length === 0,
  );
  if (due.length === 0) return 0;
  await append({ kind: 'command', facts: deletion('retention', due), payload: [] });
  return due.length;
}

async function erase(
  { index }: RetentionParts,
  { entryId, event }: { readonly entryId: string; readonly event: EventDraft },
  append: Append,
): Promise<Erasure> {
  const entry = await index.entry.get(entryId);
  if (entry === undefined) {
    const gone = await index.gone.get(entryId);
    return gone === undefined ? { kind: 'unknown' } : { kind: 'gone', gone };
  }
  const holds = (await holdTest(index))(entry);
  if (holds.length > 0) return { kind: 'held', holds };
  await index.toTables();
  await append({ kind: 'command', facts: { ...deletion('erasure', [entry]), event }, payload: [] });
  return { kind: 'done' };
}

function deletion(rule: DeleteRule, entries: readonly ArchiveEntry[]) {
  const named = entries.map(({ id, observations }) => ({
    id,
    intakeIds: observations.map(({ intakeId }) => intakeId),
  }));
  return { command: 'delete', rule, entries: named } as const;
}
