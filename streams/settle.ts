import {
  catchError,
  concatMap,
  defer,
  from,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  of,
  reduce,
  type SchedulerLike,
  tap,
  throwError,
} from 'rxjs';
import { afterFailure, failedRequest, isTrouble } from './failed-step.ts';
import type {
  ArchiveEntry,
  EndingVerdict,
  JournalOptions,
  MatchingOptions,
  Representation,
  Settlement,
  SpoolItem,
  Verdict,
} from './message.ts';
import type { Archive, Bodies, Directory, HashContent, SettleRequest } from './ports.ts';
import { type Candidate, type ParsedItem, requestOf } from './ruling.ts';

/** What settling needs of the world. */
export interface SettlePorts {
  readonly archive: Archive;
  readonly messages: { get(id: string): ObservableInput<ArchiveEntry | undefined> };
  readonly bodies: Bodies;
  readonly hashContent: HashContent;
  readonly directory: Directory;
}
export interface SettleOptions {
  readonly optionsFor: (item: SpoolItem) => JournalOptions;
  readonly matching: MatchingOptions;
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
  return settleRound(candidates.map(ready), ports, options, { clock, round: 1, hashes: new Map() });
}

/** Settles requests that need no content hash: items whose step failed. */
export function settleRequests(
  requests: readonly SettleRequest[],
  archive: Pick<Archive, 'settle'>,
  clock: SchedulerLike,
): Observable<readonly Settlement[]> {
  if (requests.length === 0) return of([]);
  // Only when it is its turn: what nobody listens to could fail unheard.
  return defer(() => archive.settle(requests)).pipe(map((verdicts) => settlementsOf(requests, verdicts, clock.now())));
}

/** A candidate on its way through the rounds, or the failure that ended its way. */
type Prepared = { readonly candidate: Candidate; readonly failed?: { readonly error: unknown } };
const ready = (candidate: Candidate): Prepared => ({ candidate });
interface Round {
  readonly clock: SchedulerLike;
  readonly round: number;
  /** Content hashes by sha256, each computed once for the window. */
  readonly hashes: Map<string, string>;
}

function settleRound(
  prepared: readonly Prepared[],
  ports: SettlePorts,
  options: SettleOptions,
  { clock, round, hashes }: Round,
): Observable<readonly Settlement[]> {
  if (prepared.length === 0) return of([]);
  if (round > maxRounds) return throwError(() => new Error(`content was asked for in ${maxRounds} rounds`));
  const now = clock.now();
  const requests = prepared.map((each) => guardedRequest(each, ports.directory, options, now));
  return defer(() => ports.archive.settle(requests)).pipe(
    mergeMap((verdicts) => {
      const settled = settlementsOf(requests, verdicts, clock.now());
      const unsure = prepared
        .map(({ candidate }, at) => ({ candidate, verdict: verdicts[at] }))
        .filter((each): each is Unsure => each.verdict?.kind === 'unsure');
      if (unsure.length === 0) return of(settled);
      return from(unsure).pipe(
        concatMap((each) => prepare(each, ports, hashes)),
        reduce<Prepared, readonly Prepared[]>((all, each) => [...all, each], []),
        mergeMap((surer) => settleRound(surer, ports, options, { clock, round: round + 1, hashes })),
        map((later) => [...settled, ...later]),
      );
    }),
  );
}

/** The rule for one item; where it throws, the item is taken for one whose step failed and stops no other. */
function guardedRequest(
  { candidate, failed }: Prepared,
  directory: Directory,
  { optionsFor, matching }: SettleOptions,
  now: number,
): SettleRequest {
  const { item } = candidate;
  if (failed !== undefined) return failedRequest(item, failed.error, now);
  try {
    const request = requestOf(candidate, { options: optionsFor(item), matching, directory, now });
    const decide: SettleRequest['decide'] = (entries) => {
      try {
        return request.decide(entries);
      } catch (error) {
        return afterFailure(item, error, now);
      }
    };
    return { ...request, decide };
  } catch (error) {
    return failedRequest(item, error, now);
  }
}

type Unsure = { readonly candidate: Candidate; readonly verdict: Extract<Verdict, { kind: 'unsure' }> };

/** Computes the content hashes that a verdict was unsure without: the item's own, and those of the entries it named. */
function prepare({ candidate, verdict }: Unsure, ports: SettlePorts, known: Map<string, string>): Observable<Prepared> {
  const hashOf = (each: Representation): Observable<string> => {
    const hash = each.contentHash ?? known.get(each.sha256);
    if (hash !== undefined) return of(hash);
    return defer(() => ports.bodies.read(each.body, each.decoding, each.sha256)).pipe(
      mergeMap((bytes) => ports.hashContent(bytes)),
      tap((computed) => known.set(each.sha256, computed)),
    );
  };
  const own = candidate.item.parsed.representations.filter(({ stub }) => !stub);
  const hashed = from(own).pipe(
    concatMap((each) => hashOf(each).pipe(map((hash) => [each.sha256, hash] as const))),
    reduce((hashes, [sha256, hash]) => ({ ...hashes, [sha256]: hash }), {} as Readonly<Record<string, string>>),
    map((hashes) => withOwnHashes(candidate, hashes)),
  );
  // What cannot be read cannot be told to be the same; the copy counts as a variant then, and is kept.
  const theirs = from(verdict.entryIds).pipe(
    concatMap((entryId) => ports.messages.get(entryId)),
    concatMap((entry) => (entry === undefined ? [] : withoutHash(entry))),
    concatMap((each) =>
      hashOf(each).pipe(
        catchError(unreadable),
        map((hash) => [each.sha256, hash] as const),
      ),
    ),
    reduce((learnt, [sha256, hash]) => ({ ...learnt, [sha256]: hash }), candidate.learnt),
  );
  return hashed.pipe(
    mergeMap((surer) => theirs.pipe(map((learnt): Prepared => ({ candidate: { ...surer, learnt } })))),
    catchError((error: unknown) => of<Prepared>({ candidate, failed: { error } })),
  );
}

/** The versions whose content is not known yet, equal bytes once. */
function withoutHash({ observations }: ArchiveEntry): readonly Representation[] {
  const unknown = observations
    .flatMap(({ representations }) => representations)
    .filter(({ stub, contentHash }) => !stub && contentHash === null);
  return [...new Map(unknown.map((each) => [each.sha256, each])).values()];
}

function unreadable(error: unknown): Observable<string> {
  return isTrouble(error) ? throwError(() => error) : of('');
}

function withOwnHashes({ item, learnt }: Candidate, hashes: Readonly<Record<string, string>>): Candidate {
  const representations = item.parsed.representations.map((each) => ({
    ...each,
    contentHash: each.contentHash ?? hashes[each.sha256] ?? null,
  }));
  return { learnt, item: { ...item, parsed: { ...item.parsed, representations } } };
}

const settlementsOf = (
  requests: readonly SettleRequest[],
  verdicts: readonly Verdict[],
  at: number,
): readonly Settlement[] =>
  requests.map(({ item }, index) => settlementOf(item, verdicts[index], at)).filter((each) => each !== null);

function settlementOf(item: SpoolItem, verdict: Verdict | undefined, at: number): Settlement | null {
  if (verdict === undefined || !isEnd(verdict)) return null;
  const common = { intakeId: item.intakeId, definitionId: item.definitionId, level: item.parsed?.level ?? null, at };
  if (verdict.kind === 'end') return { ...common, outcome: verdict.outcome, reason: verdict.reason, entryId: null };
  if (verdict.kind === 'insert') return { ...common, outcome: 'archived', reason: null, entryId: item.intakeId };
  return { ...common, outcome: 'matched', reason: verdict.case, entryId: verdict.entryId };
}

const isEnd = (verdict: Verdict): verdict is EndingVerdict =>
  verdict.kind !== 'defer' && verdict.kind !== 'unsure' && verdict.kind !== 'over';

const isParsed = (item: SpoolItem): item is ParsedItem => item.parsed !== null;
