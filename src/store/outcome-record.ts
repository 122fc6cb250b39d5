import type { Observation, Verdict } from '../../streams/message.ts';
import type { LogRecord, OutcomeFact, RecordDraft } from './commit-log.types.ts';
import { encodeParticulars, type FactsWithParticulars, particularsBytes } from './particulars.ts';

type EntryVerdict = Extract<Verdict, { kind: 'insert' | 'merge' }>;

/** What an outcome tells of the mail; the particulars of an `outcome` record are a list of these, one for each outcome. */
export interface Told {
  readonly matchKey: string | null;
  readonly observation: Observation;
  /** Of a merge: content hashes learnt of representations, by their sha256. */
  readonly learnt: Readonly<Record<string, string>>;
}

/** An outcome as its facts have it: that it came, and to what. */
export interface RecordedOutcome extends Omit<OutcomeFact, 'verdict' | 'matchKey'> {
  readonly verdict:
    | Pick<Extract<EntryVerdict, { kind: 'insert' }>, 'kind' | 'collidesWith'>
    | Pick<Extract<EntryVerdict, { kind: 'merge' }>, 'kind' | 'entryId' | 'case' | 'noop'>
    | Extract<Verdict, { kind: 'end' }>;
}
/** Facts of an `outcome` record: every verdict of one settled window that ended its item. */
export interface OutcomeFacts extends FactsWithParticulars {
  readonly outcomes: readonly RecordedOutcome[];
}

/** The record of a settled window: what stays for ever in its facts, what tells of the mail in its particulars. */
export function outcomeDraft(outcomes: readonly OutcomeFact[]): RecordDraft {
  const particulars = outcomes.map(toldBy);
  const told = particulars.every((each) => each === null) ? null : encodeParticulars(particulars);
  const facts: OutcomeFacts = {
    outcomes: outcomes.map(recordedOf),
    ...(told === null ? {} : { particulars: told.length }),
  };
  return told === null
    ? { kind: 'outcome', facts, payload: [] }
    : { kind: 'outcome', facts, payload: [told], particulars };
}

/**
 * The outcomes of a record with what it told of each: null where that was deleted, or where there was nothing to tell.
 * None at all where they are damaged: as if the record were lost, its items go through again.
 */
export function outcomesOf(
  record: LogRecord,
): readonly { readonly outcome: RecordedOutcome; readonly told: Told | null }[] {
  const { outcomes } = record.facts as OutcomeFacts;
  if (particularsBytes(record) === 0) return outcomes.map((outcome) => ({ outcome, told: null }));
  if (record.particulars === undefined) return [];
  const told = record.particulars as readonly (Told | null)[] | null;
  return outcomes.map((outcome, at) => ({ outcome, told: told?.[at] ?? null }));
}

function toldBy({ matchKey, verdict }: OutcomeFact): Told | null {
  if (verdict.kind === 'end') return null;
  return { matchKey, observation: verdict.observation, learnt: verdict.kind === 'merge' ? verdict.learnt : {} };
}

function recordedOf({ matchKey: _matchKey, verdict, ...outcome }: OutcomeFact): RecordedOutcome {
  return { ...outcome, verdict: recordedVerdict(verdict) };
}

function recordedVerdict(verdict: OutcomeFact['verdict']): RecordedOutcome['verdict'] {
  if (verdict.kind === 'end') return verdict;
  if (verdict.kind === 'insert') return { kind: 'insert', collidesWith: verdict.collidesWith };
  const { kind, entryId, case: matched, noop } = verdict;
  return { kind, entryId, case: matched, noop };
}
