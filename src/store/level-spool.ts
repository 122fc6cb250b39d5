import type { SpoolItem } from '../../streams/message.ts';
import { isOfAnotherClock, setBackMs } from '../../streams/schedule.ts';
import type { DueWindow, Spool, Whose } from '../../streams/spool.ts';
import { batchBytes, weightOf } from '../../streams/weight.ts';
import type { Exclusive } from '../exclusive.ts';
import { Change } from './change.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { dueKey, keyAfter, lastPart, matchKeyDigest, rangeOf, readDueKey, within } from './keys.ts';
import type { DueItem } from './own-items.ts';
import { type IntakeRow, isInProcess } from './rows.ts';
import type { Taken } from './taken.ts';
import type { ShareWaits } from './waits.ts';

export interface SpoolOptions {
  readonly index: IndexDb;
  readonly memory: IndexMemory;
  /** The one writer of the index. */
  readonly write: Exclusive;
  readonly shareWaits: ShareWaits;
  /** Which items other engines of this log work on, and which this one; null: there are no others. */
  readonly taken: Taken | null;
}

/** The spool on the index: one due range for each definition, time in the key (D-003). */
export function createSpool({ index, memory, write, shareWaits, taken }: SpoolOptions): Spool {
  const lookedAt = new Map<string | null, number>();
  /** Once a minute, and whenever the clock has been set back. */
  const looksAhead = (definitionId: string | null, now: number): boolean => {
    const before = lookedAt.get(definitionId) ?? Number.NEGATIVE_INFINITY;
    if (now >= before && now < before + aheadEveryMs) return false;
    lookedAt.set(definitionId, now);
    return true;
  };
  return {
    due: async (definitionId, now, limit, whose = 'all') => {
      const isAhead = whose === 'all' && looksAhead(definitionId, now);
      const ahead = isAhead ? await readAhead({ index, memory }, definitionId, now) : [];
      return ahead.length > 0
        ? { items: ahead, nextDueAt: now }
        : readWindow({ index, memory, taken }, definitionId, { now, limit, whose });
    },
    defer: (items) =>
      write(async () => {
        const change = new Change(index, memory);
        await deferItems(change, items);
        await change.commit();
        // How far an item has waited is in no record of the log: a kill must not forget it (journaling d.4).
        await index.behind.flush({ sync: false });
        for (const { intakeId } of items) memory.inFlight.delete(intakeId);
      }).then(() => shareWaits(items)),
  };
}

const aheadEveryMs = 60_000;
/** Looked at of those that are due last: in the delay of a few minutes few came. */
const maxAhead = 64;

/** Items that came under a clock that has been set back since. */
async function readAhead(
  { index, memory }: Pick<SpoolOptions, 'index' | 'memory'>,
  definitionId: string | null,
  now: number,
): Promise<readonly SpoolItem[]> {
  const range = { gte: dueKey(definitionId, now + setBackMs, ''), lt: within(rangeOf(definitionId)).lt };
  const keys = await index.due.keysNow({ ...range, limit: maxAhead, reverse: true });
  const items = await readItems(index, memory, keys.map(readDueKey));
  const ahead = items.filter((item) => isOfAnotherClock(item, now));
  for (const { intakeId } of ahead) memory.inFlight.add(intakeId);
  return ahead;
}

/** Puts items back with what a stage has made of them. The stored row rules where an item has ended meanwhile. */
export async function deferItems(change: Change, items: readonly SpoolItem[]): Promise<void> {
  for (const item of items) {
    const before = await change.row(item.intakeId);
    if (before === undefined || !isInProcess(before)) continue;
    change.putRow({ ...before, ...item, waitsFor: item.parsed?.matchKey ?? null }, before);
  }
}

interface Wanted {
  readonly now: number;
  readonly limit: number;
  readonly whose: Whose;
}
type Indexed = Pick<SpoolOptions, 'index' | 'memory' | 'taken'>;
interface DueKeys extends Pick<DueWindow, 'nextDueAt'> {
  readonly items: readonly DueItem[];
}

async function readWindow(parts: Indexed, definitionId: string | null, wanted: Wanted): Promise<DueWindow> {
  const { index, memory, taken } = parts;
  const { now, limit, whose } = wanted;
  // An engine by itself has taken in all.
  const own = whose === 'own' ? taken?.due(definitionId, now, limit) : undefined;
  const { items: due, nextDueAt } = own ?? (await dueToAnybody(parts, definitionId, wanted));
  const items = await readItems(index, memory, due);
  for (const { intakeId } of items) memory.inFlight.add(intakeId);
  // With nothing to do there is time to write; where mail is rare no fold comes by to do it.
  if (items.length === 0) await index.behind.flushIfOld(now);
  return { items, nextDueAt };
}

/** Steps over what others of the log work on, which is as much as they take in within some seconds. */
async function dueToAnybody(
  { index, memory, taken }: Indexed,
  definitionId: string | null,
  { now, limit }: Wanted,
): Promise<DueKeys> {
  const { lt } = within(rangeOf(definitionId));
  const epoch = memory.due.epoch();
  const items: DueItem[] = [];
  let gte = memory.due.of(definitionId);
  for (let isFirst = true; ; isFirst = false) {
    const keys = await index.due.keysNow({ gte, lt, limit: limit + 1 });
    if (isFirst) memory.due.raise(definitionId, keys[0] ?? lt, epoch);
    for (const item of keys.map(readDueKey)) {
      if (item.dueAt > now || items.length === limit) return { items, nextDueAt: item.dueAt };
      if (taken === null || !taken.isTheirs(item.intakeId, now)) items.push(item);
    }
    const last = keys.at(-1);
    if (last === undefined || keys.length <= limit) return { items, nextDueAt: null };
    gte = keyAfter(last);
  }
}

/** Items that wait for a copy under a match key, the first `limit` that came. */
export async function waitingUnder(
  { index, memory }: Pick<SpoolOptions, 'index' | 'memory'>,
  matchKey: string,
  limit: number,
): Promise<readonly SpoolItem[]> {
  const keys = await index.wait.keysNow({ ...within(matchKeyDigest(matchKey)), limit });
  const rows = await readRows(
    index,
    memory,
    keys.map((key) => ({ intakeId: lastPart(key) })),
  );
  return rows.filter((row) => row !== undefined).filter(isInProcess);
}

/** Rows are read so many at once: what is read together is decoded without a pause. One by one where they are heavy. */
const rowsAtOnce = 4;

/** The items, or as many of the first as are not too heavy together: the rest is in the next window. */
async function readItems(index: IndexDb, memory: IndexMemory, due: readonly DueItem[]): Promise<readonly SpoolItem[]> {
  const items: SpoolItem[] = [];
  let bytes = 0;
  for (let at = 0; at < due.length && bytes < batchBytes; ) {
    const some = due.slice(at, at + (bytes > batchBytes / 8 ? 1 : rowsAtOnce));
    at += some.length;
    for (const [n, row] of (await readRows(index, memory, some)).entries()) {
      if (row === undefined || !isInProcess(row) || row.dueAt !== some[n]?.dueAt) continue;
      items.push(row);
      bytes += weightOf(row);
    }
  }
  return items;
}

async function readRows(
  index: IndexDb,
  memory: IndexMemory,
  some: readonly { readonly intakeId: string }[],
): Promise<readonly (IntakeRow | undefined)[]> {
  const cached = some.map(({ intakeId }) => memory.cachedRow(intakeId));
  const missing = some.filter((_, n) => cached[n] === undefined).map(({ intakeId }) => intakeId);
  if (missing.length === 0) return cached;
  const read = (await index.intake.getMany(missing)).values();
  return cached.map((row) => row ?? read.next().value);
}
