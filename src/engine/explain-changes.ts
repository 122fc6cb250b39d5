import type { Observation, Outcome, ParsedMail, Recipient } from '../../streams/message.ts';
import type { Change } from '../http/explain.schema.ts';
import { isoOrNull } from '../time-words.ts';
import type { Tried } from './trial.ts';

/** What is compared of how a message ends: the words of the intake record, of its observation and of what is stored. */
export interface Ending extends Told {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly entryId: string | null;
}
/** What an observation tells: the envelope, and the header facts of the version that is shown. */
interface Told {
  readonly level: ParsedMail['level'] | null;
  readonly family: ParsedMail['family'];
  readonly flags: readonly string[];
  readonly sender: string | null;
  readonly onBehalfOf: string | null;
  readonly recipients: readonly ToldRecipient[];
  readonly mailboxes?: readonly string[];
  readonly reportMessageId: string | null;
  readonly messageId: string | null;
  readonly from: string | null;
  readonly subject: string | null;
  readonly date: string | null;
  /** SHA-256 of what is shown of it, and of all that is stored. */
  readonly primary: string | null;
  readonly representations: readonly string[];
}
/** What is as in a plain report is left out: the source where it is the envelope, the way where there is none. */
type ToldRecipient = Pick<Recipient, 'address' | 'type'> & Partial<Pick<Recipient, 'refined' | 'via' | 'source'>>;

export function endingOf({ item, verdict }: Tried): Ending {
  const { parsed } = item;
  const stored = verdict.kind === 'end' ? [] : verdict.observation.representations;
  const told = toldOf(parsed, parsed?.recipients ?? []);
  return {
    outcome: outcomeOf(verdict),
    reason: verdict.kind === 'end' ? verdict.reason : verdict.kind === 'merge' ? verdict.case : null,
    entryId: verdict.kind === 'merge' ? verdict.entryId : null,
    ...told,
    mailboxes: verdict.kind === 'end' ? [] : (parsed?.mailboxes ?? []),
    primary: stored.find(({ primary }) => primary)?.sha256 ?? null,
    representations: stored.map(({ sha256 }) => sha256),
  };
}

export const endingOfObservation = (observation: Observation): Told => ({
  ...toldOf(observation, observation.recipients),
  ...(observation.mailboxes === undefined ? {} : { mailboxes: observation.mailboxes }),
});

type Telling = Pick<
  Observation,
  'level' | 'family' | 'flags' | 'sender' | 'onBehalfOf' | 'reportMessageId' | 'representations'
>;

function toldOf(telling: Telling | null, recipients: readonly Recipient[]): Told {
  const representations = telling?.representations ?? [];
  const shown = representations.find(({ primary }) => primary);
  const { messageId = null, from = null, subject = null, dateAt = null } = shown?.facts ?? {};
  return {
    level: telling?.level ?? null,
    family: telling?.family ?? null,
    flags: telling?.flags ?? [],
    sender: telling?.sender ?? null,
    onBehalfOf: telling?.onBehalfOf ?? null,
    recipients: recipients.map(toldRecipient),
    reportMessageId: telling?.reportMessageId ?? null,
    ...{ messageId, from, subject, date: isoOrNull(dateAt) },
    primary: shown?.sha256 ?? null,
    representations: representations.map(({ sha256 }) => sha256),
  };
}

const toldRecipient = ({ address, type, refined, via, source }: Recipient): ToldRecipient => ({
  address,
  type,
  ...(refined === undefined ? {} : { refined }),
  ...(via.length === 0 ? {} : { via: via.map((step) => ({ kind: step.kind, address: step.address })) }),
  ...(source === 'envelope' ? {} : { source }),
});

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
