import { concatMap, from, map, mergeMap, type Observable, of, reduce, type SchedulerLike, throwError } from 'rxjs';
import { judgeAge } from './expiry.ts';
import { EngineFailure } from './failure.ts';
import { type Match, primaryOf, ruleMatch } from './match.ts';
import { addsNothing, withLearnt } from './merge.ts';
import type {
  ArchiveEntry,
  JournalOptions,
  MatchingOptions,
  Observation,
  ParsedMail,
  Settlement,
  SpoolItem,
  Verdict,
} from './message.ts';
import type { Archive, Bodies, Directory, HashContent, MessageReader, SettleRequest } from './ports.ts';
import { afterMiss, scheduleOf } from './schedule.ts';
import { screen } from './screen.ts';

/** What settling needs of the world. */
export interface SettlePorts {
  readonly archive: Archive;
  readonly messages: Pick<MessageReader, 'get'>;
  readonly bodies: Bodies;
  readonly hashContent: HashContent;
  readonly directory: Directory;
}
export interface SettleOptions {
  readonly optionsFor: (item: SpoolItem) => JournalOptions;
  readonly matching: MatchingOptions;
}
/** An item with its parse and what was learnt of the content of entries it may match. */
interface Candidate {
  readonly item: SpoolItem & { readonly parsed: ParsedMail };
  readonly learnt: Readonly<Record<string, string>>;
}

/** An entry can be named again once for each copy that joins it meanwhile; more rounds mean a bug. */
const maxRounds = 8;

/** Rules on a window of parsed items and settles, or puts back, every one of them. Emits those that ended. */
export function settleWindow(
  items: readonly SpoolItem[],
  ports: SettlePorts,
  options: SettleOptions,
  clock: SchedulerLike,
): Observable<readonly Settlement[]> {
  const candidates = items.filter(isParsed).map((item): Candidate => ({ item, learnt: {} }));
  return settleRound(candidates, ports, options, { clock, round: 1 });
}

function settleRound(
  candidates: readonly Candidate[],
  ports: SettlePorts,
  options: SettleOptions,
  { clock, round }: { readonly clock: SchedulerLike; readonly round: number },
): Observable<readonly Settlement[]> {
  if (candidates.length === 0) return of([]);
  if (round > maxRounds) return throwError(() => new Error(`content was asked for in ${maxRounds} rounds`));
  const requests = candidates.map((candidate) => requestOf(candidate, ports.directory, options, clock.now()));
  return from(ports.archive.settle(requests)).pipe(
    mergeMap((verdicts) => {
      const settled = requests
        .map(({ item }, at) => settlementOf(item, verdicts[at], clock.now()))
        .filter(isSettlement);
      const unsure = candidates
        .map((candidate, at) => ({ candidate, verdict: verdicts[at] }))
        .filter((each): each is Unsure => each.verdict?.kind === 'unsure');
      if (unsure.length === 0) return of(settled);
      return from(unsure).pipe(
        concatMap((each) => learn(each, ports)),
        reduce<Candidate, readonly Candidate[]>((all, candidate) => [...all, candidate], []),
        mergeMap((surer) => settleRound(surer, ports, options, { clock, round: round + 1 })),
        map((later) => [...settled, ...later]),
      );
    }),
  );
}

/** The rule for one item as the archive then stands; pure, so the store may run it under its lock. */
function requestOf(
  { item, learnt }: Candidate,
  directory: Directory,
  { optionsFor, matching }: SettleOptions,
  now: number,
): SettleRequest {
  const { parsed, receivedAt, overrides } = item;
  const options = optionsFor(item);
  const age = judgeAge(parsed.times, receivedAt, matching);
  const flags = [
    ...parsed.flags,
    ...(age.dateInFuture ? ['date-in-future'] : []),
    ...(age.suspectedClockSkew ? ['suspected-clock-skew'] : []),
  ];
  const mail: ParsedMail = { ...parsed, flags: [...new Set(flags)] };
  const ended = (outcome: 'skipped' | 'held' | 'quarantined', reason: string): SettleRequest => ({
    item: { ...item, parsed: mail },
    keys: [],
    decide: () => ({ kind: 'end', outcome, reason }),
  });
  if (mail.class === 'quarantine' && !overrides.includes('quarantine'))
    return ended('quarantined', mail.quarantineReason ?? 'decode');
  if (age.expired && !overrides.includes('age')) return ended('held', 'expired');
  const scope = overrides.includes('scope') ? null : screen(mail, options, directory);
  if (scope !== null) return ended('skipped', scope);
  const schedule = scheduleOf({ receivedAt, internal: mail.internal }, options, matching);
  const waiting: SpoolItem = { ...item, parsed: mail, deadline: schedule.deadline };
  const [first = now] = schedule.attempts;
  if (first > now && item.attempt === 0 && !item.woken) {
    const delayed = stepped({ ...waiting, state: 'delayed', dueAt: first }, now, 'delayed', `until ${first}`);
    return { item: waiting, keys: [], decide: () => ({ kind: 'defer', item: delayed }) };
  }
  const attempt = item.woken ? item.attempt : item.attempt + 1;
  const looked = stepped({ ...waiting, attempt }, now, 'attempt', item.woken ? 'woken, free' : String(attempt));
  const next = afterMiss(item, schedule, options, now);
  return {
    item: looked,
    keys: keysOf(mail, matching),
    decide: (entries) => {
      const known = entries.map((entry) => withLearnt(entry, learnt));
      const match = ruleMatch(mail, receivedAt, known, matching);
      if (match.kind === 'unsure') return match;
      if (match.kind !== 'none') return mergeVerdict(looked, mail, match, { known, learnt });
      if (next === 'archive')
        return { kind: 'insert', observation: observationOf(looked, mail), collidesWith: match.collidesWith };
      return { kind: 'defer', item: { ...looked, state: 'matching', dueAt: next.dueAt, woken: false, failures: 0 } };
    },
  };
}

const keysOf = ({ matchKey, representations }: ParsedMail, { matchOnContent }: MatchingOptions): readonly string[] => {
  const contentHash = primaryOf(representations)?.contentHash ?? null;
  const keys = [matchKey, matchOnContent && contentHash !== null ? `ch:${contentHash}` : null];
  return [...new Set(keys.filter((key) => key !== null))];
};

function mergeVerdict(
  item: SpoolItem,
  mail: ParsedMail,
  match: Exclude<Match, { kind: 'none' | 'unsure' }>,
  { known, learnt }: { readonly known: readonly ArchiveEntry[]; readonly learnt: Candidate['learnt'] },
): Verdict {
  const observation = observationOf(item, mail);
  const entry = known.find(({ id }) => id === match.entryId);
  const noop = entry !== undefined && addsNothing(entry, observation);
  return { kind: 'merge', entryId: match.entryId, case: match.case, observation, noop, learnt };
}

function observationOf(item: SpoolItem, mail: ParsedMail): Observation {
  return {
    intakeId: item.intakeId,
    definitionId: item.definitionId,
    origin: item.origin,
    receivedAt: item.receivedAt,
    level: mail.level,
    family: mail.family,
    flags: mail.flags,
    reportMessageId: mail.reportMessageId,
    sender: mail.sender,
    onBehalfOf: mail.onBehalfOf,
    recipients: mail.observed,
    representations: mail.representations,
  };
}

type Unsure = { readonly candidate: Candidate; readonly verdict: Extract<Verdict, { kind: 'unsure' }> };

/** Computes the content hashes that a verdict was unsure without: the item's own, and those of the entries it named. */
function learn({ candidate, verdict }: Unsure, { messages, bodies, hashContent }: SettlePorts): Observable<Candidate> {
  const hashOf = (each: ParsedMail['representations'][number]): Observable<string> =>
    each.contentHash !== null
      ? of(each.contentHash)
      : from(bodies.read(each.body, each.decoding, each.sha256)).pipe(mergeMap((bytes) => hashContent(bytes)));
  const own = primaryOf(candidate.item.parsed.representations);
  const hashed =
    own === undefined ? of(candidate) : hashOf(own).pipe(map((hash) => withOwnHash(candidate, own.sha256, hash)));
  const theirs = from(verdict.entryIds).pipe(
    concatMap((entryId) => messages.get(entryId)),
    concatMap((entry) => entry?.observations.flatMap(({ representations }) => representations) ?? []),
    concatMap((each) => (each.stub ? [] : hashOf(each).pipe(map((hash) => [each.sha256, hash] as const)))),
    reduce((learnt, [sha256, hash]) => ({ ...learnt, [sha256]: hash }), candidate.learnt),
  );
  return hashed.pipe(mergeMap((surer) => theirs.pipe(map((learnt) => ({ ...surer, learnt })))));
}

function withOwnHash(candidate: Candidate, sha256: string, contentHash: string): Candidate {
  const { item } = candidate;
  const representations = item.parsed.representations.map((each) =>
    each.sha256 === sha256 ? { ...each, contentHash } : each,
  );
  return { ...candidate, item: { ...item, parsed: { ...item.parsed, representations } } };
}

function settlementOf(item: SpoolItem, verdict: Verdict | undefined, at: number): Settlement | null {
  if (verdict === undefined || verdict.kind === 'defer' || verdict.kind === 'unsure') return null;
  const common = { intakeId: item.intakeId, definitionId: item.definitionId, level: item.parsed?.level ?? null, at };
  if (verdict.kind === 'end') return { ...common, outcome: verdict.outcome, reason: verdict.reason, entryId: null };
  if (verdict.kind === 'insert') return { ...common, outcome: 'archived', reason: null, entryId: item.intakeId };
  return { ...common, outcome: 'matched', reason: verdict.case, entryId: verdict.entryId };
}

const isSettlement = (settlement: Settlement | null): settlement is Settlement => settlement !== null;
const isParsed = (item: SpoolItem): item is Candidate['item'] => item.parsed !== null;

/** The item with one more step. */
export const stepped = (item: SpoolItem, at: number, step: string, detail: string | null): SpoolItem => ({
  ...item,
  steps: [...item.steps, { at, step, detail }],
});

export const isStoreFailure = (error: unknown): boolean =>
  error instanceof EngineFailure && (error.code === 'store-failed' || error.code === 'store-full');
