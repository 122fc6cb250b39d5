import { endsOf } from '../../streams/figures.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { ownReasons } from '../../streams/unwrap.ts';
import { applyVerdict, entriesTouchedBy } from './apply-verdict.ts';
import type { LogRecord, OutcomeFact } from './commit-log.types.ts';
import { digestHeld, digestQuality } from './digests.ts';
import { storeEntry } from './entry-keys.ts';
import type { FoldContext } from './fold.ts';
import { lastPart, matchKeyDigest, within } from './keys.ts';
import type { RecordedOutcome, Told } from './outcome-record.ts';
import { type IntakeRow, isInProcess, keepSkippedMs } from './rows.ts';

type Ended = OutcomeFact['verdict'];

/** One end: the intake row, the entry it made or joined, the keys and figures that follow, and who has to wake. */
export async function foldOutcome(
  context: FoldContext,
  { seq, at, particulars }: Pick<LogRecord, 'seq' | 'at' | 'particulars'>,
  { outcome, told }: { readonly outcome: RecordedOutcome; readonly told: Told | null },
): Promise<void> {
  const { change } = context;
  const before = await change.row(outcome.intakeId);
  if (before === undefined || !isInProcess(before)) return;
  const fact = withTold(outcome, told, before);
  const { verdict } = fact;
  const row: IntakeRow = {
    ...before,
    state: outcomeOf(verdict),
    reason: reasonOf(verdict),
    entryId: verdict.kind === 'end' ? null : entryIdOf(verdict, fact.intakeId),
    flags: verdict.kind === 'merge' && verdict.noop ? [...fact.flags, 'noop'] : fact.flags,
    absorbed: fact.absorbed && verdict.kind !== 'end',
    attempt: fact.attempt,
    deadline: fact.deadline,
    waitsFor: null,
    woken: false,
    failures: 0,
    parsed: null,
    steps: [...fact.steps, { at, step: outcomeOf(verdict), detail: reasonOf(verdict) }],
    ...(particulars === undefined || verdict.kind === 'end' ? {} : { toldBy: seq }),
    ...(verdict.kind === 'end'
      ? { ...keptOf(verdict, before, at), endNumber: endsOf(change.figuresOf(before.definitionId)) + 1 }
      : {}),
  };
  change.putRow(row, before);
  if (row.clock !== undefined) digestHeld(change, row, row.clock, at);
  digestQuality(change, row, { spoilt: isSpoilt(row, fact), at });
  context.definitions.add(row.definitionId);
  logItem(context, at, row, fact);
  if (verdict.kind === 'end') return;
  await archive(context, at, row, fact);
  if (fact.matchKey !== null) await wake(context, at, fact.matchKey, fact.intakeId);
}

/**
 * The outcome with what was told of the mail. Where that was deleted, as a later record says, the observation is bare: it
 * stands for the mail until that record is folded, so that what came in between finds what it joined.
 */
function withTold({ verdict, ...outcome }: RecordedOutcome, told: Told | null, row: IntakeRow): OutcomeFact {
  if (verdict.kind === 'end') return { ...outcome, verdict, matchKey: null };
  // In records from before there were particulars all of it stands in the facts.
  const { matchKey, observation, learnt } = told ?? { ...bareTold(row, outcome.flags), ...outcome, ...verdict };
  return {
    ...outcome,
    matchKey,
    verdict: verdict.kind === 'insert' ? { ...verdict, observation } : { ...verdict, observation, learnt },
  };
}

function bareTold({ intakeId, definitionId, origin, receivedAt }: IntakeRow, flags: readonly string[]): Told {
  const who = { intakeId, definitionId, origin, receivedAt, flags, level: 'L0', family: null } as const;
  const what = { reportMessageId: null, sender: null, onBehalfOf: null, recipients: [], representations: [] };
  return { matchKey: null, observation: { ...who, ...what }, learnt: {} };
}

/** How long the bytes of what was not archived are kept: of skipped items for a time, of all others until somebody acts. */
function keptOf(
  { outcome, clock }: Extract<Ended, { kind: 'end' }>,
  { sharedWith }: IntakeRow,
  at: number,
): Pick<IntakeRow, 'purgeRawAt' | 'clock'> {
  if (outcome === 'skipped') return sharedWith === undefined ? {} : { purgeRawAt: at + keepSkippedMs };
  return outcome === 'held' && clock !== undefined ? { clock } : {};
}

/** The entries that the verdict makes and changes, with their search keys. */
async function archive(context: FoldContext, at: number, row: IntakeRow, fact: OutcomeFact): Promise<void> {
  const { verdict } = fact;
  if (verdict.kind === 'end') return;
  const before = new Map<string, ArchiveEntry>();
  for (const entryId of entriesTouchedBy(verdict)) {
    const entry = await context.change.entry(entryId);
    if (entry !== undefined) before.set(entryId, entry);
  }
  const decided = { intakeId: row.intakeId, origin: row.origin, matchKey: fact.matchKey ?? '', at };
  const after = applyVerdict(decided, verdict, (entryId) => before.get(entryId));
  for (const entry of after) storeEntry(context, before.get(entry.id), entry);
  if (verdict.kind === 'merge' && verdict.case === 'M2') logMatch(context, at, row, 'match.variant');
  if (verdict.kind === 'insert' && verdict.collidesWith.length > 0) logMatch(context, at, row, 'match.collision');
}

/** Waiting items of the key become due now, their next look-up free (journaling c.4, waking early). */
async function wake(context: FoldContext, at: number, matchKey: string, by: string): Promise<void> {
  const { index, memory, change } = context;
  if (change.matching === 0) return;
  const keys = await index.wait.keysNow(within(matchKeyDigest(matchKey)));
  for (const intakeId of keys.map(lastPart)) {
    if (intakeId === by || memory.inFlight.has(intakeId)) continue;
    const row = await change.row(intakeId);
    if (row === undefined || row.waitsFor !== matchKey || row.dueAt <= at || row.state === 'delayed') continue;
    const steps = [...row.steps, { at, step: 'woken', detail: `the archive changed by ${by}` }];
    change.putRow({ ...row, dueAt: at, woken: true, steps }, row);
    context.due.add(row.definitionId);
  }
}

/** A `standard` definition that gets reports may be meant to be `eej` (journaling a.2, Journal Type). */
const configWarningEveryMs = 3_600_000;

function warnOfReports({ change }: FoldContext, at: number, row: IntakeRow): void {
  const text = 'reports arrive at a definition of type standard, which does not unwrap them';
  const draft = eventOf(row, 'config.warning', 'warning', { option: 'journalType', text });
  change.sampleEvent(at, 'config.warning journalType', draft, configWarningEveryMs);
}

const suspectType = 'item.suspect-report';

function logItem(context: FoldContext, at: number, row: IntakeRow, fact: OutcomeFact): void {
  const { change } = context;
  if (row.definitionId !== null && fact.flags.includes('looks-like-report')) warnOfReports(context, at, row);
  // Anybody outside can mail what looks like a report to somebody whose mail is journaled as it is (journaling b.5).
  if (fact.flags.includes('report-from-outside')) {
    change.sampleEvent(at, suspectType, eventOf(row, suspectType, 'warning', { outcome: row.state }));
  }
  const type = itemEventOf(row, fact);
  if (type === null) return;
  const reason = row.reason ?? row.flags.join(',');
  const severity = type === 'item.quarantined' || type === 'item.stub' ? 'warning' : 'info';
  const data = {
    reason: row.reason,
    flags: row.flags,
    ...(row.clock === undefined ? {} : { messageTime: new Date(row.clock.messageTime).toISOString() }),
  };
  change.sampleEvent(at, `${type} ${reason}`, eventOf(row, type, severity, data));
}

/** Of levels L2 to L5 (journaling b.7). Mail of our own is no report, and by design. */
const isSpoilt = ({ state, flags }: IntakeRow, { absorbed }: OutcomeFact): boolean =>
  (absorbed || state === 'quarantined' || flags.includes('original-missing')) &&
  !flags.some((flag) => Object.hasOwn(ownReasons, flag));

function itemEventOf(row: IntakeRow, fact: OutcomeFact): string | null {
  if (row.state === 'quarantined' || row.state === 'held' || row.state === 'skipped') return `item.${row.state}`;
  if (row.state === 'archived' && fact.flags.includes('original-missing')) return 'item.stub';
  if (row.absorbed) return 'item.absorbed';
  return fact.flags.includes('report-partial') ? 'item.partial' : null;
}

const logMatch = ({ change }: FoldContext, at: number, row: IntakeRow, type: string): void =>
  change.sampleEvent(at, type, eventOf(row, type, 'info', { reason: row.reason }));

function eventOf(
  { definitionId, intakeId, entryId }: IntakeRow,
  type: string,
  severity: EventDraft['severity'],
  data: EventDraft['data'],
): EventDraft {
  return { type, severity, actor: 'engine', definitionId, intakeId, entryId, data };
}

const outcomeOf = (verdict: Ended): 'archived' | 'matched' | 'skipped' | 'held' | 'quarantined' => {
  if (verdict.kind === 'end') return verdict.outcome;
  return verdict.kind === 'insert' ? 'archived' : 'matched';
};
const reasonOf = (verdict: Ended): string | null => {
  if (verdict.kind === 'end') return verdict.reason;
  return verdict.kind === 'merge' ? verdict.case : null;
};
const entryIdOf = (verdict: Exclude<Ended, { kind: 'end' }>, intakeId: string): string =>
  verdict.kind === 'merge' ? verdict.entryId : intakeId;
