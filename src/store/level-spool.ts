import type { SpoolItem } from '../../streams/message.ts';
import type { DueWindow, Spool } from '../../streams/ports.ts';
import type { Exclusive } from '../exclusive.ts';
import { Change } from './change.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { rangeOf, readDueKey, within } from './keys.ts';
import { type IntakeRow, isInProcess } from './rows.ts';

export interface SpoolOptions {
  readonly index: IndexDb;
  readonly memory: IndexMemory;
  /** The one writer of the index. */
  readonly write: Exclusive;
}

/** The spool on the index: one due range for each definition, time in the key (D-003). */
export function createSpool({ index, memory, write }: SpoolOptions): Spool {
  return {
    due: async (definitionId, now, limit) => readWindow({ index, memory }, definitionId, { now, limit }),
    defer: (items) =>
      write(async () => {
        const change = new Change(index, memory);
        await deferItems(change, items);
        await change.commit();
        // How far an item has waited is in no record of the log: a kill must not forget it (journaling d.4).
        await index.behind.flush({ sync: false });
        for (const { intakeId } of items) memory.inFlight.delete(intakeId);
      }),
  };
}

/** Puts items back with what a stage has made of them. The stored row rules where an item has ended meanwhile. */
export async function deferItems(change: Change, items: readonly SpoolItem[]): Promise<void> {
  for (const item of items) {
    const before = await change.row(item.intakeId);
    if (before === undefined || !isInProcess(before)) continue;
    change.putRow({ ...before, ...item, waitsFor: item.parsed?.matchKey ?? null }, before);
  }
}

async function readWindow(
  { index, memory }: Pick<SpoolOptions, 'index' | 'memory'>,
  definitionId: string | null,
  { now, limit }: { readonly now: number; readonly limit: number },
): Promise<DueWindow> {
  const { lt } = within(rangeOf(definitionId));
  const epoch = memory.due.epoch();
  const keys = await index.due.keysNow({ gte: memory.due.of(definitionId), lt, limit: limit + 1 });
  memory.due.raise(definitionId, keys[0] ?? lt, epoch);
  const found = keys.map(readDueKey);
  const due = found.filter(({ dueAt }) => dueAt <= now).slice(0, limit);
  const next = found[due.length];
  const items = await readItems(index, memory, due);
  for (const { intakeId } of items) memory.inFlight.add(intakeId);
  // With nothing to do there is time to write; where mail is rare no fold comes by to do it.
  if (items.length === 0) await index.behind.flushIfOld(now);
  return { items, nextDueAt: next === undefined ? null : next.dueAt };
}

async function readItems(
  index: IndexDb,
  memory: IndexMemory,
  due: readonly { readonly intakeId: string; readonly dueAt: number }[],
): Promise<readonly SpoolItem[]> {
  const missing = due.map(({ intakeId }) => intakeId).filter((intakeId) => memory.cachedRow(intakeId) === undefined);
  const read = new Map<string, IntakeRow>();
  const rows = missing.length === 0 ? [] : await index.intake.getMany(missing);
  rows.forEach((row, at) => {
    if (row !== undefined) read.set(missing[at] ?? '', row);
  });
  const items: SpoolItem[] = [];
  for (const { intakeId, dueAt } of due) {
    const row = memory.cachedRow(intakeId) ?? read.get(intakeId);
    if (row !== undefined && isInProcess(row) && row.dueAt === dueAt) items.push(row);
  }
  return items;
}
