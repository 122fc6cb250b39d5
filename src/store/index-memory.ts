import type { Frontier } from '../merkle.ts';
import type { IndexDb } from './index-db.ts';
import { rangeOf, within } from './keys.ts';
import type { LogTime } from './log-time.ts';
import { frontierOf, type TreeRow } from './log-tree.ts';
import { openOldestItems } from './oldest-items.ts';
import { type FiguresRow, type IntakeRow, type LedgerRow, noFigures } from './rows.ts';

/** Rows in process that are kept, so that a fresh message is not read back from disk at each stage. */
const cachedRows = 2_048;

/**
 * What the index keeps in memory: the figures that every status answer reads, a bounded cache of recent rows, and for
 * each definition the lowest key that can still be there, so that a read does not step over what was deleted before it.
 */
export interface IndexMemory {
  figuresOf(definitionId: string | null): FiguresRow;
  setFigures(definitionId: string | null, row: FiguresRow): void;
  /** What is in process, and how much has left it for the archive, of all definitions together. */
  readonly queue: Readonly<Queue>;
  readonly definitions: () => readonly string[];
  cachedRow(intakeId: string): IntakeRow | undefined;
  cacheRow(row: IntakeRow): void;
  forgetRow(intakeId: string): void;
  /** Definitions that were removed. */
  readonly removed: Set<string>;
  /** Items handed out and not yet settled or deferred: a wake leaves them alone, their settling looks again anyway. */
  readonly inFlight: Set<string>;
  /** Ledger rows last written, by key: a day's account is changed with every group. */
  readonly ledger: Map<string, LedgerRow>;
  /** Sequence number of the last event. */
  events: number;
  /** The Merkle tree over all records folded so far. */
  tree: Frontier;
  /** What they say of the time; null while there is none. */
  time: LogTime | null;
  readonly due: LowMark;
  readonly open: LowMark;
  /** When the oldest message in process was received, or null. */
  oldestOf(definitionId: string | null): number | null;
  /** Brings `oldestOf` up to date after items came in or left. */
  refreshOldest(came: Iterable<IntakeRow>, left: Iterable<IntakeRow>): Promise<void>;
}

/** Figures of what is in process, and of what has left it. */
export interface Queue {
  messages: number;
  bytes: number;
  /** Of the messages, those that wait for another copy. */
  matching: number;
  /** Messages that were archived or matched; they only become more. */
  settled: number;
}

/** Lowest key that can exist in a definition's range. */
export interface LowMark {
  of(definitionId: string | null): string;
  /** A key was written: the mark goes down to it where it is lower. */
  added(definitionId: string | null, key: string): void;
  /** A read found nothing below `key`; only if no key was added since `epoch` was taken. */
  raise(definitionId: string | null, key: string, epoch: number): void;
  epoch(): number;
}

export async function loadIndexMemory(index: IndexDb): Promise<IndexMemory> {
  const figures = new Map<string, FiguresRow>();
  const queue: Queue = { messages: 0, bytes: 0, matching: 0, settled: 0 };
  const set = (key: string, row: FiguresRow): void => {
    const before = figures.get(key) ?? noFigures;
    queue.messages += row.queueMessages - before.queueMessages;
    queue.bytes += row.queueBytes - before.queueBytes;
    queue.matching += row.matching - before.matching;
    queue.settled += row.archived + row.matched - before.archived - before.matched;
    figures.set(key, row);
  };
  for await (const [key, row] of index.figures.entries()) set(key, row);
  const rows = new Map<string, IntakeRow>();
  const open = lowMark();
  const openKeys = async (range: string, limit: number): Promise<readonly string[]> => {
    const [epoch, { lt }] = [open.epoch(), within(range)];
    const keys = await index.open.keysNow({ gte: open.of(range), lt, limit });
    open.raise(range, keys[0] ?? lt, epoch);
    return keys;
  };
  const row = async (intakeId: string): Promise<IntakeRow | undefined> =>
    rows.get(intakeId) ?? index.intake.get(intakeId);
  const removed = new Set<string>();
  for await (const { definitionId, removedAt } of index.definition.values())
    if (removedAt != null) removed.add(definitionId);
  const oldest = await openOldestItems({ openKeys, row }, figures.keys());
  return {
    figuresOf: (definitionId) => figures.get(rangeOf(definitionId)) ?? noFigures,
    setFigures: (definitionId, row) => set(rangeOf(definitionId), row),
    queue,
    definitions: () => [...figures.keys()],
    cachedRow: (intakeId) => rows.get(intakeId),
    cacheRow: (row) => {
      rows.delete(row.intakeId);
      rows.set(row.intakeId, row);
      if (rows.size <= cachedRows) return;
      const oldest = rows.keys().next();
      if (!oldest.done) rows.delete(oldest.value);
    },
    forgetRow: (intakeId) => void rows.delete(intakeId),
    removed,
    inFlight: new Set(),
    ledger: new Map(),
    events: Number((await index.meta.get('events')) ?? 0),
    time: ((await index.meta.get('time')) as LogTime | undefined) ?? null,
    tree: frontierOf((await index.meta.get('tree')) as TreeRow | undefined),
    due: lowMark(),
    open,
    oldestOf: (definitionId) => oldest.of(definitionId),
    refreshOldest: (came, left) => oldest.refresh(came, left),
  };
}

function lowMark(): LowMark {
  const marks = new Map<string, string>();
  let epoch = 0;
  return {
    of: (definitionId) => marks.get(rangeOf(definitionId)) ?? within(rangeOf(definitionId)).gte,
    added: (definitionId, key) => {
      epoch += 1;
      const mark = marks.get(rangeOf(definitionId));
      if (mark !== undefined && key < mark) marks.set(rangeOf(definitionId), key);
    },
    raise: (definitionId, key, since) => {
      if (since === epoch) marks.set(rangeOf(definitionId), key);
    },
    epoch: () => epoch,
  };
}
