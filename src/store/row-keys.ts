import type { IndexDb } from './index-db.ts';
import { dueKey, matchIndexKey, openKey, stateKey, timedKey } from './keys.ts';
import type { KeyRoom } from './room.ts';
import { type IntakeRow, isInProcess } from './rows.ts';

/** Every key that follows from an intake row, but for its own. */
export function rowKeys(index: IndexDb, row: IntakeRow): readonly (readonly [KeyRoom, string])[] {
  const { intakeId, definitionId } = row;
  if (!isInProcess(row)) {
    const listed = row.state === 'held' || row.state === 'skipped' || row.state === 'quarantined';
    if (!listed) return [];
    const { purgeRawAt, rawPurgedAt } = row;
    const ended: [KeyRoom, string][] = [[index.state, stateKey(row.state, intakeId)]];
    if (purgeRawAt !== undefined && rawPurgedAt === undefined) {
      ended.push([index.purge, timedKey(purgeRawAt, intakeId)]);
    }
    return ended;
  }
  const keys: [KeyRoom, string][] = [
    [index.open, openKey(definitionId, intakeId)],
    [index.due, dueKey(definitionId, row.dueAt, intakeId)],
  ];
  if (row.waitsFor !== null) keys.push([index.wait, matchIndexKey(row.waitsFor, intakeId)]);
  return keys;
}
