import { parserVersion } from '../../streams/parser-version.ts';
import type { IntakeQuery, IntakeRecord } from '../../streams/ports.ts';
import { isSameMessage, parserOf } from '../../streams/reparsed.ts';
import type { ChangedBy } from '../http/api.types.ts';
import type { Change, Reparse } from '../http/explain.schema.ts';
import type { Reparsed } from '../store/reparses.ts';
import { isoTime } from '../time-words.ts';
import { type Explaining, trialParts } from './explain.ts';
import { changesBetween, endingOf } from './explain-changes.ts';
import { overRecords } from './over-records.ts';
import { directoryAtReceipt, type Recorded, recordedOf } from './recorded.ts';
import { type Tried, tryMessage } from './trial.ts';
import { storedSubject } from './trial-subject.ts';

type Item = Reparse['items'][number];
/** Why what differs stays as it is. */
type Why = NonNullable<Item['why']>;

interface ReparseParts {
  readonly workshop: Explaining;
  readonly last: number;
  /** Who puts the newer parses in the place of the older ones; null: a dry run. */
  readonly by: ChangedBy | null;
}

/**
 * What today's parser and rules would say of stored messages, where that is otherwise than what is recorded (journaling
 * N9): each as of its receipt, under the options it was received under. Where somebody says so, a newer parse of the same
 * message takes the place of the older one (D-082), one record for each; else nothing changes.
 */
export async function reparse(
  query: Omit<IntakeQuery, 'limit'>,
  { workshop, last, by }: ReparseParts,
): Promise<Reparse> {
  const items: Item[] = [];
  const counts = { repairable: 0, repaired: 0 };
  const look = async (record: IntakeRecord): Promise<void> => {
    const found = await differing(record, workshop);
    if (found === null) return;
    const { changes, parsedBy, newer } = found;
    const why = typeof newer === 'string' ? newer : await repair(newer, { record, changes, workshop, by });
    if (why === null) counts[by === null ? 'repairable' : 'repaired'] += 1;
    const { intakeId: id, receivedAt, state, definitionId: definition, entryId } = record;
    const told = { id, receivedAt: isoTime(receivedAt), state, definition, entryId, parser: parsedBy, changes };
    items.push({ ...told, repair: why !== null ? 'no' : by === null ? 'possible' : 'done', why });
  };
  const { looked, skipped, complete, next } = await overRecords(query, { workshop, last }, look);
  return { parser: parserVersion, looked, changed: items.length, ...counts, skipped, complete, items, next };
}

type Newer = Pick<Reparsed, 'stood' | 'observation' | 'flags' | 'absorbed'>;
interface Differing {
  readonly changes: readonly Change[];
  /** Number of the parser that made what is recorded; 0 from before they were numbered, null where nothing is archived. */
  readonly parsedBy: number | null;
  readonly newer: Newer | Why;
}

/** What is recorded and what today's parser says of the same bytes; null where that is the same. */
async function differing(record: IntakeRecord, workshop: Explaining): Promise<Differing | null> {
  const recorded = await recordedOf(record, workshop.store);
  if (recorded === null) return null;
  const { stands, ending } = recorded;
  const subject = storedSubject(record, workshop.store);
  const { setup, ...parts } = trialParts(workshop);
  const { ports } = setup;
  const directory = stands === null ? ports.directory : directoryAtReceipt(stands.observation, ports.directory);
  const rules = { options: setup.optionsFor(subject.item), matching: { ...setup.matching } };
  const tried = await tryMessage(subject, rules, { ...parts, setup: { ...setup, ports: { ...ports, directory } } });
  const changes = changesBetween(ending, endingOf(tried));
  if (changes.length === 0) return null;
  const parsedBy = stands === null ? null : parserOf(stands.observation);
  const isReport = record.definitionId !== null && rules.options.journalType === 'eej';
  return { changes, parsedBy, newer: newerOf(recorded, { tried, changes, isReport }) };
}

/** Fields of how a message ended: where one differs, it is no repair but another decision. */
const ofOutcome: readonly string[] = ['outcome', 'reason', 'entryId'];

function newerOf(
  { stands }: Recorded,
  {
    tried: { item, verdict },
    changes,
    isReport,
  }: { readonly tried: Tried; readonly changes: readonly Change[]; readonly isReport: boolean },
): Newer | Why {
  if (stands === null) return 'not-archived';
  if (verdict.kind === 'end' || changes.some(({ field }) => ofOutcome.includes(field))) return 'outcome';
  const { entry, observation: stood } = stands;
  const { observation } = verdict;
  const isNamedOtherwise = entry.id === observation.intakeId && entry.matchKey !== item.parsed?.matchKey;
  if (isNamedOtherwise || !isSameMessage(stood, observation)) return 'message';
  if (parserOf(observation) <= parserOf(stood)) return 'parser';
  const flags = verdict.kind === 'merge' && verdict.noop ? [...observation.flags, 'noop'] : observation.flags;
  const absorbed = isReport && (observation.level === 'L2' || observation.level === 'L4');
  return { stood, observation, flags, absorbed };
}

/** Null where it is repaired, or would be. */
async function repair(
  newer: Newer,
  {
    record: { intakeId, entryId, definitionId },
    changes,
    workshop: { store },
    by,
  }: Pick<ReparseParts, 'workshop' | 'by'> & { readonly record: IntakeRecord; readonly changes: readonly Change[] },
): Promise<Why | null> {
  const { reparses } = store;
  const named = { definitionId, intakeId, entryId } as const;
  const answer =
    by === null
      ? await reparses.look(newer)
      : await reparses.replace({
          ...newer,
          event: {
            type: 'item.reparsed',
            severity: 'info',
            actor: by.actor,
            ...named,
            data: dataOf(newer, changes),
          },
        });
  return answer === 'done' ? null : answer;
}

/** How much changed and where, and nothing of the mail (D-058). */
function dataOf({ stood, observation }: Newer, changes: readonly Change[]) {
  const [before, after] = [stood, observation].map(
    ({ recipients }) => new Set(recipients.map(({ address }) => address)),
  );
  const onlyIn = (one: Set<string> | undefined, other: Set<string> | undefined): number =>
    [...(one ?? [])].filter((address) => other?.has(address) !== true).length;
  return {
    parser: { old: parserOf(stood), new: parserOf(observation) },
    changed: changes.map(({ field }) => field),
    recipients: { added: onlyIn(after, before), removed: onlyIn(before, after) },
  };
}
