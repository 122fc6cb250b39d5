import type { IntakeQuery, IntakeRecord } from '../../streams/ports.ts';
import type { Reparse } from '../http/explain.schema.ts';
import { isoTime } from '../time-words.ts';
import { type Explaining, recordedEnding, trialParts } from './explain.ts';
import { changesBetween, endingOf } from './explain-changes.ts';
import { overRecords } from './over-records.ts';
import { tryMessage } from './trial.ts';
import { storedSubject } from './trial-subject.ts';

/**
 * What today's parser and rules would say of stored messages, where that is otherwise than what is recorded (journaling
 * N9): each as of its receipt, under the options it was received under. Changes nothing.
 */
export async function reparse(
  query: Omit<IntakeQuery, 'limit'>,
  { workshop, last }: { readonly workshop: Explaining; readonly last: number },
): Promise<Reparse> {
  const parts = trialParts(workshop);
  const items: Reparse['items'][number][] = [];
  const look = async (record: IntakeRecord): Promise<void> => {
    const recorded = await recordedEnding(record, workshop);
    if (recorded === null) return;
    const subject = storedSubject(record, workshop.store);
    const rules = { options: parts.setup.optionsFor(subject.item), matching: { ...parts.setup.matching } };
    const changes = changesBetween(recorded, endingOf(await tryMessage(subject, rules, parts)));
    if (changes.length === 0) return;
    const { intakeId: id, receivedAt, state, definitionId: definition, entryId } = record;
    items.push({ id, receivedAt: isoTime(receivedAt), state, definition, entryId, changes });
  };
  const { looked, skipped, complete, next } = await overRecords(query, { workshop, last }, look);
  return { looked, changed: items.length, skipped, complete, items, next };
}
