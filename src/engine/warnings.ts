import { endsOf, qualityOver, settledOf, suspectQuietMs } from '../../streams/figures.ts';
import type { MatchingOptions } from '../../streams/message.ts';
import type { Status } from '../http/status.schema.ts';
import { isoTime } from '../time-words.ts';
import { canaryWarnings } from './canary-book.ts';
import { lossNearAt, lossText, patienceOf } from './patience.ts';
import type { Shedding } from './shedding.ts';
import type { StatusFacts } from './status-board.ts';
import { unusualText } from './usual-silence.ts';

type Warnings = Status['warnings'];
type Warning = Warnings[number];

/** More than this share of the last items at L2 to L5 means that something on the way spoils reports (journaling b.7). */
const suspectShare = 0.05;
const suspectFrom = 20;
/** Where so little of what came is kept, hardly anything is by design. */
const hardlyKept = 0.1;
const dayMs = 86_400_000;
const suspendedLongMs = dayMs;
/** Two weeks are enough to renew a certificate without haste, and short of those that are made for 90 days. */
export const certificateNoticeMs = 14 * dayMs;
/** Beyond the longest wait that its options plan, an item is late: the engine is behind, or the store in its way. */
const lateMs = 600_000;

/** Facts with the time since when the status is what it is. */
type DatedFacts = StatusFacts & { readonly since: number };

/** Degradations that a status must not mask (journaling a.4, d.7), each from evidence, none of it kept anywhere else. */
export function warningsOf(facts: DatedFacts, matching: Pick<MatchingOptions, 'extendedWaitMs'>): Warnings {
  return [
    ...refused(facts),
    ...envelopeQuality(facts),
    ...suspectReports(facts),
    ...hardlyArchived(facts),
    ...suspendedLong(facts),
    ...backlog(facts, matching),
    ...mailboxWarnings(facts),
    ...heldExpired(facts),
    ...secretLost(facts),
    ...unusualSilence(facts),
    ...lossNear(facts),
    ...canary(facts),
    ...lapsed(facts),
  ];
}

const warning = (code: string, text: string, since: number): Warning => ({ code, text, since: isoTime(since) });

function envelopeQuality({ definition, figures, since }: DatedFacts): Warnings {
  const last = Math.min(settledOf(figures), qualityOver);
  const before = endsOf(figures) - qualityOver;
  const spoilt = (figures.spoilt ?? []).filter((number) => number > before).length;
  if (definition.config.journalType !== 'eej' || last < suspectFrom || spoilt / last <= suspectShare) return [];
  const text = `${spoilt} of the last ${last} items came without a readable envelope`;
  return [warning('envelope-quality', text, since)];
}

/** Where a feed carries plain copies of outside mail too, whoever writes such a copy can make it look like a report (b.5). */
function suspectReports({ figures: { suspect }, now }: DatedFacts): Warnings {
  if (suspect === undefined || now - suspect.lastAt > suspectQuietMs) return [];
  const { count, firstAt, lastAt } = suspect;
  const last = isoTime(lastAt).slice(0, 10);
  const [came, names] =
    count === 1 ? ['a report came', 'it names'] : [`${count} reports came, the last on ${last},`, 'they name'];
  const text = `${came} from no internal domain and may be forged: whom ${names} is shown as unverified; look at \`daybook messages list --flag report-from-outside\``;
  return [warning('suspect-report', text, firstAt)];
}

/** What each refusal asks for; the reply is what the sender was told. */
const remedies: Readonly<Record<string, string>> = {
  source: 'its address is in neither `smtp.additionalSourceIpRanges` nor `smtp.authorizedSources`',
  'tls-missing': 'it does not use TLS, which `smtp.requireTls` asks for',
  'auth-missing': 'it does not log in, which `smtp.useSmtpAuthentication` asks for',
  'auth-failed': 'its password is not that of the definition',
  'auth-locked': 'its password was wrong too often',
  'other-identity': 'it logs in with another address than that which it writes to',
  'too-many-recipients': 'it sends to too many service addresses at once',
  'too-large': 'a message is larger than `smtp.maxMessageSize`',
};

/** A definition may be active by one sender while another one is sent away. */
function refused({ refusal }: StatusFacts): Warnings {
  if (refusal === null) return [];
  const { peer, reply, reason, count, since } = refusal;
  const times = count === 1 ? `${reply}, once` : `${count} times, the last with ${reply}`;
  const text = `mail from ${peer} is refused (${times}): ${remedies[reason] ?? reason}`;
  return [warning('mail-refused', text, since)];
}

/** Canaries are skipped by design; of anything else it says that nobody in it is known as ours. */
function hardlyArchived({ figures: { received, queueMessages, skipped }, canary: view, since }: DatedFacts): Warnings {
  const canaries = view?.state.came ?? 0;
  const [came, gone] = [received - queueMessages - canaries, skipped - canaries];
  if (came < suspectFrom || came - gone >= came * hardlyKept) return [];
  const text = `${gone} of ${came} messages were skipped and not archived, since nobody in them is internal and known: look at \`directory.internalDomains\` and \`directory.addresses\``;
  return [warning('hardly-archived', text, since)];
}

function suspendedLong({ definition: { suspended, suspendedSince }, now }: StatusFacts): Warnings {
  if (!suspended || suspendedSince === null || now - suspendedSince <= suspendedLongMs) return [];
  const text = 'suspended for more than a day: Exchange gives reports up after two days, Gmail after eight';
  return [warning('suspended-long', text, suspendedSince)];
}

function backlog(
  { definition: { options }, figures, oldestAt, now }: StatusFacts,
  { extendedWaitMs }: Pick<MatchingOptions, 'extendedWaitMs'>,
): Warnings {
  const attemptsMs =
    options.initialProcessDelayMs + (options.deliveryWaitAttempts - 1) * options.deliveryWaitIntervalMs;
  const plannedMs = options.extendedDeduplication ? Math.max(attemptsMs, extendedWaitMs) : attemptsMs;
  const lateAt = (oldestAt ?? Number.POSITIVE_INFINITY) + plannedMs + lateMs;
  if (now < lateAt) return [];
  const text = `${figures.queueMessages} messages are in process, the oldest for longer than its waits account for`;
  return [warning('backlog', text, lateAt)];
}

function mailboxWarnings({ mailbox: { blocked, left, certificateEndsAt }, now }: StatusFacts): Warnings {
  const warnings: Warning[] = [];
  if (blocked !== null) {
    const text = `${blocked.count} items of the mailbox cannot be taken; the events pop3.blocked name them`;
    warnings.push(warning('blocked-items', text, blocked.since));
  }
  if (left !== null) {
    const text = `${left.count} items older than matching.maxAge were left on the server`;
    warnings.push(warning('left-on-server', text, left.since));
  }
  return [...warnings, ...certificateWarnings('the server', certificateEndsAt, now)];
}

/** From two weeks before its end on. */
export function certificateWarnings(whose: string, endsAt: number | null, now: number): Warnings {
  if (endsAt === null || endsAt - now > certificateNoticeMs) return [];
  const ends = now < endsAt ? 'ends' : 'ended';
  const text = `the certificate of ${whose} ${ends} on ${isoTime(endsAt).slice(0, 10)}`;
  return [warning('certificate-ending', text, endsAt - certificateNoticeMs)];
}

/** While mail is put off, and a moment longer. */
export function overloadWarnings(overloaded: Shedding['overloaded']): Warnings {
  if (overloaded === null) return [];
  const text = `mail is put off until there is less of this: ${overloaded.reasons.join(', ')}`;
  return [warning('overloaded', text, overloaded.since)];
}

function heldExpired({ figures: { held }, since }: DatedFacts): Warnings {
  const text = `${held} held since they are older than matching.maxAge: \`daybook intake list --state held\` shows them, \`release\` sends them through`;
  return held === 0 ? [] : [warning('held-expired', text, since)];
}

/** Beside the fixed period, which tells what is certain: this tells what is odd. */
function unusualSilence({ silence, journal, now }: StatusFacts): Warnings {
  if (silence === null || silence.usual === null || journal.serviceStatus !== 'active') return [];
  const { silentMs, usual } = silence;
  if (silentMs <= usual.limitMs) return [];
  return [warning('silence-unusual', unusualText(silentMs, usual, now), now - silentMs + usual.limitMs)];
}

function lossNear(facts: StatusFacts): Warnings {
  const patience = patienceOf(facts);
  const text = patience === null ? null : lossText(patience, facts.now);
  return patience === null || text === null ? [] : [warning('loss-near', text, lossNearAt(patience))];
}

function canary({ canary: view }: StatusFacts): Warnings {
  if (view === null) return [];
  return canaryWarnings(view.state, view.options).map(({ code, text, since }) => warning(code, text, since));
}

/** Who was reported before and is not any more: whoever never was may be an alias, or outside of the journal rule on purpose. */
function lapsed({ lapse }: StatusFacts): Warnings {
  if (lapse === null) return [];
  const { day, people, at } = lapse;
  const who = people === 1 ? 'somebody was' : `${people} people were`;
  const text = `${who} named in the headers of mail of ${day} three times or more and in no journal report since, though reports named them in the month before: \`daybook gaps\` says who`;
  return [warning('coverage-lapsed', text, at)];
}

function secretLost({ definition: { secretLost, createdAt } }: StatusFacts): Warnings {
  const text = 'its password cannot be read any more, since definitions.key is another one: give it anew';
  return secretLost ? [warning('secret-lost', text, createdAt)] : [];
}
