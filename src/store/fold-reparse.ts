import type { CommandFacts, LogRecord } from './commit-log.types.ts';
import { storeEntry } from './entry-keys.ts';
import type { FoldContext } from './fold.ts';
import { particularsBytes } from './particulars.ts';
import { type Restated, restatedEntry } from './restated.ts';
import { type IntakeRow, reparsedFormat } from './rows.ts';

/**
 * What a newer parser tells of a message that stands (D-082): its observation, the search keys that follow, and which
 * record tells of it from now on. Outcome, entry and account stay. Where what it told was deleted since, a later record
 * says so; where it is damaged it is as if it were lost.
 */
export async function foldReparse(
  context: FoldContext,
  record: LogRecord,
  facts: Extract<CommandFacts, { command: 'reparse' }>,
): Promise<void> {
  const { index, change, definitions } = context;
  const { at, seq, particulars } = record;
  if (particularsBytes(record) > 0 && particulars === undefined) return;
  const before = await change.row(facts.intakeId);
  if (before === undefined || before.entryId === null || before.rawPurgedAt !== undefined) return;
  const { flags, absorbed, event } = facts;
  const earlier = [...(before.toldEarlierBy ?? []), ...(before.toldBy === undefined ? [] : [before.toldBy])];
  const row: IntakeRow = {
    ...before,
    flags,
    absorbed,
    toldBy: seq,
    ...(earlier.length === 0 ? {} : { toldEarlierBy: earlier }),
    steps: [...before.steps, { at, step: 'reparsed', detail: `by ${event.actor}` }],
  };
  change.putRow(row, before);
  change.put(index.meta, 'format', reparsedFormat);
  definitions.add(row.definitionId);
  const entry = await change.entry(before.entryId);
  const told = (particulars ?? null) as Restated | null;
  if (entry !== undefined && told !== null) storeEntry(context, entry, restatedEntry(entry, told));
  change.logEvent(at, event);
}
