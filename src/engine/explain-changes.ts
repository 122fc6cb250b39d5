import type { Outcome, ParsedMail, Recipient } from '../../streams/message.ts';
import type { Change } from '../http/explain.schema.ts';
import type { Tried } from './trial.ts';

/** What is compared of how a message ends: the words of the intake record, of its observation and of what is stored. */
export interface Ending {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly entryId: string | null;
  readonly level: ParsedMail['level'] | null;
  readonly family: ParsedMail['family'];
  readonly flags: readonly string[];
  readonly recipients: readonly Pick<Recipient, 'address' | 'type'>[];
  readonly mailboxes: readonly string[];
  /** SHA-256 of what is shown of it, and of all that is stored. */
  readonly primary: string | null;
  readonly representations: readonly string[];
}

export function endingOf({ item, verdict }: Tried): Ending {
  const { parsed } = item;
  const stored = verdict.kind === 'end' ? [] : verdict.observation.representations;
  return {
    outcome: outcomeOf(verdict),
    reason: verdict.kind === 'end' ? verdict.reason : verdict.kind === 'merge' ? verdict.case : null,
    entryId: verdict.kind === 'merge' ? verdict.entryId : null,
    level: parsed?.level ?? null,
    family: parsed?.family ?? null,
    flags: parsed?.flags ?? [],
    recipients: (parsed?.recipients ?? []).map(({ address, type }) => ({ address, type })),
    mailboxes: verdict.kind === 'end' ? [] : (parsed?.mailboxes ?? []),
    primary: stored.find(({ primary }) => primary)?.sha256 ?? null,
    representations: stored.map(({ sha256 }) => sha256),
  };
}

const outcomeOf = (verdict: Tried['verdict']): Outcome => {
  if (verdict.kind === 'end') return verdict.outcome;
  return verdict.kind === 'merge' ? 'matched' : 'archived';
};

/** Of long lists this many elements are told: a report may name 20,000 people. */
const maxTold = 20;

/** What differs between two ends, field by field. Of a list, the elements that only one of the two has, the first 20. */
export function changesBetween(before: Partial<Ending>, after: Partial<Ending>): readonly Change[] {
  const fields = Object.keys(before) as (keyof Ending)[];
  return fields
    .map((field) => ({ field, from: before[field], to: after[field] }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to))
    .map(({ field, from, to }) => ({ field, from: onlyIn(from, to), to: onlyIn(to, from) }));
}

function onlyIn(list: unknown, other: unknown): unknown {
  if (!Array.isArray(list)) return list ?? null;
  const others = new Set(Array.isArray(other) ? other.map((each) => JSON.stringify(each)) : []);
  return list.filter((each) => !others.has(JSON.stringify(each))).slice(0, maxTold);
}
