import { judgeAge } from './expiry.ts';
import { stepped } from './failed-step.ts';
import { isGatewayCopy } from './gateway-envelope.ts';
import { type Match, primaryOf, ruleMatch } from './match.ts';
import { addsNothing, withLearnt } from './merge.ts';
import type {
  ArchiveEntry,
  JournalOptions,
  MatchingOptions,
  Observation,
  ParsedMail,
  SpoolItem,
  Verdict,
} from './message.ts';
import type { Directory, SettleRequest } from './ports.ts';
import { afterMiss, type NextLookUp, scheduleOf } from './schedule.ts';
import { screen } from './screen.ts';
import { type OwnFlag, ownReasons } from './unwrap.ts';

export type ParsedItem = SpoolItem & { readonly parsed: ParsedMail };

/** An item with what was learnt of the content of entries it may match; '' where their bytes cannot be read. */
export interface Candidate {
  readonly item: ParsedItem;
  /** Content hashes by sha256. */
  readonly learnt: Readonly<Record<string, string>>;
}
export interface RulingOptions {
  readonly options: JournalOptions;
  readonly matching: MatchingOptions;
  readonly directory: Directory;
  readonly now: number;
}

/**
 * The rule for one parsed item (journaling c.2): quarantine, age, scope, delay, look-up. What it asks of the archive is
 * pure, so the store may run it under its lock.
 */
export function requestOf(candidate: Candidate, { options, matching, directory, now }: RulingOptions): SettleRequest {
  const item = withAgeFlags(candidate.item, matching);
  const { parsed: mail, receivedAt } = item;
  const stop = stopOf(item, { options, matching, directory, now });
  if (stop !== null) return { item, keys: [], decide: () => stop };
  const schedule = scheduleOf({ receivedAt, internal: mail.internal }, options, matching);
  const waiting = { ...item, deadline: item.deadline ?? schedule.deadline };
  const [first = now] = schedule.attempts;
  if (waits(item) && first > now && item.attempt === 0 && !item.woken) {
    const step = { at: now, step: 'delayed', detail: `for ${options.initialProcessDelayMs} ms` };
    const delayed = stepped({ ...waiting, state: 'delayed', dueAt: first, failures: 0 }, step);
    return { item: waiting, keys: [], decide: () => ({ kind: 'defer', item: delayed }) };
  }
  const next = waits(item) ? afterMiss(item, schedule, options, now) : 'archive';
  const attempt = next === 'archive' ? item.attempt + 1 : next.attempt;
  const detail = attempt === item.attempt ? 'woken, free' : String(attempt);
  const looked = stepped({ ...waiting, attempt }, { at: now, step: 'attempt', detail });
  return {
    item: looked,
    keys: keysOf(mail, matching),
    decide: (entries) => verdictOf({ ...looked, parsed: mail }, next, matching, { entries, learnt: candidate.learnt }),
  };
}

/** Age and scope are judged once: what has begun to wait was found in order at its receipt. */
function stopOf(item: ParsedItem, { options, matching, directory }: RulingOptions): Verdict | null {
  const { parsed, receivedAt, overrides, state, origin } = item;
  const isUnreadable = parsed.class === 'quarantine';
  if (isUnreadable && !overrides.includes('quarantine')) {
    return { kind: 'end', outcome: 'quarantined', reason: parsed.quarantineReason ?? 'decode' };
  }
  if (state === 'delayed' || state === 'matching' || !waits(item)) return null;
  const own = parsed.flags.find((flag): flag is OwnFlag => Object.hasOwn(ownReasons, flag));
  if (own !== undefined && !overrides.includes('scope')) {
    return { kind: 'end', outcome: 'skipped', reason: ownReasons[own] };
  }
  const { expired, messageTime } = judgeAge(parsed.times, receivedAt, matching);
  if (origin === 'journal' && expired && !overrides.includes('age')) {
    return { kind: 'end', outcome: 'held', reason: 'expired', clock: { ...parsed.times, messageTime } };
  }
  const scope = isUnreadable || overrides.includes('scope') ? null : screen(parsed, options, directory);
  return scope === null ? null : { kind: 'end', outcome: 'skipped', reason: scope };
}

/** The gateway's copies are archived at once; no wait, scope or age rule is for them (interface section 8). */
export const waits = (item: SpoolItem): boolean => item.definitionId !== null && !isGatewayCopy(item);

function withAgeFlags(item: ParsedItem, matching: MatchingOptions): ParsedItem {
  const age = judgeAge(item.parsed.times, item.receivedAt, matching);
  const said = [
    ...(age.dateInFuture ? ['date-in-future'] : []),
    ...(age.suspectedClockSkew ? ['suspected-clock-skew'] : []),
  ].filter((flag) => !item.parsed.flags.includes(flag));
  return said.length === 0 ? item : { ...item, parsed: { ...item.parsed, flags: [...item.parsed.flags, ...said] } };
}

const keysOf = ({ matchKey, representations }: ParsedMail, { matchOnContent }: MatchingOptions): readonly string[] => {
  const contentHash = primaryOf(representations)?.contentHash ?? null;
  const keys = [matchKey, matchOnContent && contentHash !== null ? `ch:${contentHash}` : null];
  return [...new Set(keys.filter((key) => key !== null))];
};

function verdictOf(
  item: ParsedItem,
  next: NextLookUp | 'archive',
  matching: MatchingOptions,
  { entries, learnt }: { readonly entries: readonly ArchiveEntry[]; readonly learnt: Candidate['learnt'] },
): Verdict {
  const known = entries.map((entry) => withLearnt(entry, learnt));
  const match = ruleMatch(item.parsed, item.receivedAt, known, matching);
  if (match.kind === 'unsure') return match;
  if (match.kind !== 'none') return mergeVerdict(item, match, { known, learnt });
  if (next === 'archive') {
    return { kind: 'insert', observation: observationOf(item), collidesWith: match.collidesWith };
  }
  return { kind: 'defer', item: { ...item, ...next, state: 'matching', woken: false, failures: 0 } };
}

function mergeVerdict(
  item: ParsedItem,
  { case: found, entryId }: Exclude<Match, { kind: 'none' | 'unsure' }>,
  { known, learnt }: { readonly known: readonly ArchiveEntry[]; readonly learnt: Candidate['learnt'] },
): Verdict {
  const observation = observationOf(item);
  const entry = known.find(({ id }) => id === entryId);
  const noop = entry !== undefined && addsNothing(entry, observation);
  const hashes = Object.fromEntries(Object.entries(learnt).filter(([, hash]) => hash !== ''));
  return { kind: 'merge', entryId, case: found, observation, noop, learnt: hashes };
}

function observationOf({ parsed, ...item }: ParsedItem): Observation {
  return {
    intakeId: item.intakeId,
    definitionId: item.definitionId,
    origin: item.origin,
    receivedAt: item.receivedAt,
    level: parsed.level,
    family: parsed.family,
    flags: parsed.flags,
    reportMessageId: parsed.reportMessageId,
    sender: parsed.sender,
    onBehalfOf: parsed.onBehalfOf,
    recipients: parsed.observed,
    representations: parsed.representations,
    ...(parsed.authors === undefined ? {} : { authors: parsed.authors }),
    ...(parsed.mailboxes === undefined ? {} : { mailboxes: parsed.mailboxes }),
    ...(parsed.parser === undefined ? {} : { parser: parsed.parser }),
    ...(parsed.named === undefined ? {} : { named: parsed.named }),
  };
}
