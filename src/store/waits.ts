import type { SpoolItem } from '../../streams/message.ts';
import type { AppendingLog, RecordDraft, Wait } from './commit-log.types.ts';
import type { FoldContext } from './fold.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart } from './keys.ts';
import { isInProcess } from './rows.ts';

/** Tells others that may take items over how far they have waited. */
export type ShareWaits = (items: readonly SpoolItem[]) => Promise<void>;

/** Null: there is nobody to tell. */
export const waitsInto =
  (log: AppendingLog | null): ShareWaits =>
  async (items) => {
    if (log !== null) await log.append(waitDraft(items));
  };

export const waitDraft = (items: readonly Wait[]): RecordDraft => ({
  kind: 'command',
  facts: { command: 'wait', items: items.map(waitOf) },
  payload: [],
});

const waitOf = ({ intakeId, state, attempt, dueAt, deadline, failures }: Wait): Wait => ({
  intakeId,
  state,
  attempt,
  dueAt,
  deadline,
  failures,
});

/** How far each item in process has waited, in no order that counts. */
export async function* waitsIn(index: Pick<IndexDb, 'open' | 'intake'>): AsyncGenerator<Wait> {
  for await (const key of index.open.keys()) {
    const row = await index.intake.get(lastPart(key));
    if (row !== undefined && isInProcess(row)) yield waitOf(row);
  }
}

/**
 * What another engine has put back. Who wrote it has done so already, and may have woken the item since. What was parsed
 * is not told: who takes an item over parses it anew.
 */
export async function foldWaits({ change, due, definitions }: FoldContext, items: readonly Wait[]): Promise<void> {
  for (const item of items) {
    const before = await change.row(item.intakeId);
    if (before === undefined || !isInProcess(before) || !isFurther(item, before)) continue;
    change.putRow({ ...before, ...item, woken: false, parsed: null, waitsFor: null }, before);
    due.add(before.definitionId);
    definitions.add(before.definitionId);
  }
}

const places: Readonly<Record<Wait['state'], number>> = { received: 0, parsed: 1, delayed: 2, matching: 3 };

function isFurther(item: Wait, before: Wait): boolean {
  if (item.attempt !== before.attempt) return item.attempt > before.attempt;
  if (item.state !== before.state) return places[item.state] > places[before.state];
  return item.failures > before.failures;
}
