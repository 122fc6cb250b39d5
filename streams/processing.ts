import {
  catchError,
  concat,
  concatMap,
  from,
  map,
  mergeMap,
  NEVER,
  type Observable,
  type OperatorFunction,
  type SchedulerLike,
  toArray,
} from 'rxjs';
import { carefully, type Suspicion } from './careful.ts';
import { drain } from './drain.ts';
import { detailOf, failedRequest, isBug, isTrouble, poisonRequest, stepped, waitAfter } from './failed-step.ts';
import type { Settlement, SpoolItem } from './message.ts';
import { foldSettled } from './news.ts';
import { type ProcessingNews, type Rest, retrying, type Worked } from './retrying.ts';
import { type SettleOptions, type SettlePorts, settleRequests, settleWindow } from './settle.ts';
import type { DueWindow, Spool, Whose } from './spool.ts';
import { turns } from './turns.ts';
import { type UnwrapPorts, type Unwrapped, unwrapWindow } from './unwrap.ts';
import { batchBytes, weightOf } from './weight.ts';

export interface ProcessingPorts extends UnwrapPorts, SettlePorts {
  readonly spool: Spool;
  /** Fires when items of this definition became due. */
  readonly wake$: Observable<unknown>;
  /** Fires when a store that had failed works again: what rests after a failure goes on. */
  readonly recovered$?: Observable<unknown>;
  /** Absent where no process can have been killed. */
  readonly suspicion?: Suspicion;
}
export interface ProcessingOptions extends SettleOptions {
  readonly definitionId: string | null;
  readonly window: number;
  /** Whose items; all by default. */
  readonly whose?: Whose;
}
/** An attempt runs within a second of its time, and a lost wake costs no more. */
const idleMs = 1_000;

/**
 * The line of one definition: due items are unwrapped, ruled on and settled, window by window. A bad item stops no other;
 * a port that fails is tried again for as long as it takes, with every item still in the spool. What settled is told at
 * most once a second.
 */
export function processing(
  ports: ProcessingPorts,
  options: ProcessingOptions,
  clock: SchedulerLike,
): Observable<ProcessingNews> {
  const stage: OperatorFunction<readonly SpoolItem[], Worked> = mergeMap(
    (items) =>
      carefully(items, ports.suspicion, {
        work: (some) => work(some, ports, options, clock),
        poisoned: (item) => settlePoison(item, ports, clock),
      }),
    1,
  );
  const atRest = ({ nextDueAt }: DueWindow): Rest => ({ isEmpty: nextDueAt === null });
  const drained$ = drain<Worked | Rest>(
    ports.spool,
    stage,
    { wake$: ports.wake$, clock },
    { ...options, idleMs, atRest },
  );
  return retrying(drained$, ports.recovered$ ?? NEVER, clock).pipe(foldSettled(clock));
}

/**
 * One window, in as many batches as it takes: what is parsed and not settled yet is bounded, however many recipients the
 * reports name, and so is what one record of the commit log has to hold.
 */
function work(
  items: readonly SpoolItem[],
  ports: ProcessingPorts,
  options: ProcessingOptions,
  clock: SchedulerLike,
): Observable<Worked> {
  const fresh = new Set(items.filter(({ parsed }) => parsed === null).map(({ intakeId }) => intakeId));
  const slices = Array.from({ length: Math.ceil(items.length / sliceItems) }, (_, at) =>
    items.slice(at * sliceItems, (at + 1) * sliceItems),
  );
  const inTurn = turns(clock);
  let waiting: readonly Unwrapped[] = [];
  return from(slices).pipe(
    concatMap((slice, at) =>
      unwrapWindow(slice, ports, options.optionsFor, options.matching, inTurn).pipe(
        toArray(),
        mergeMap((unwrapped) => {
          waiting = [...waiting, ...unwrapped];
          const batches = batchesOf(waiting, at === slices.length - 1);
          waiting = batches.rest;
          return from(batches.full).pipe(
            concatMap((batch) => inTurn(() => settleBatch(batch, fresh, { ports, options, clock }))),
          );
        }),
      ),
    ),
  );
}

/** Unwrapped before the next look at how much there is to settle. */
const sliceItems = 16;
/** Cuts off batches that are full, a heavier mail alone; `isLast`: all of it. */
function batchesOf(unwrapped: readonly Unwrapped[], isLast: boolean) {
  const full: (readonly Unwrapped[])[] = [];
  let rest: Unwrapped[] = [];
  let bytes = 0;
  for (const each of unwrapped) {
    const weight = weightOf(each.item);
    if (rest.length > 0 && bytes + weight > batchBytes) {
      full.push(rest);
      [rest, bytes] = [[], 0];
    }
    rest.push(each);
    bytes += weight;
  }
  return isLast && rest.length > 0 ? { full: [...full, rest], rest: [] } : { full, rest };
}

function settlePoison(item: SpoolItem, { archive }: ProcessingPorts, clock: SchedulerLike): Observable<Worked> {
  return settleRequests([poisonRequest(item, clock.now())], archive, clock).pipe(
    map((settlements): Worked => ({ settlements, isEnd: true, trouble: null })),
  );
}

interface Settling {
  readonly ports: ProcessingPorts;
  readonly options: ProcessingOptions;
  readonly clock: SchedulerLike;
}

function settleBatch(
  unwrapped: readonly Unwrapped[],
  fresh: ReadonlySet<string>,
  { ports, options, clock }: Settling,
): Observable<Worked> {
  const at = clock.now();
  const failed = unwrapped.filter((each): each is Failed => each.kind === 'failed');
  const parsed = unwrapped
    .filter(({ kind }) => kind === 'parsed')
    .map(({ item }) => (fresh.has(item.intakeId) ? withParsedStep(item, at) : item));
  const given = failed.map(({ item, error }) => failedRequest(item, error, at));
  const troubled = failed.find(({ error }) => isTrouble(error));
  const trouble =
    troubled === undefined ? null : { detail: detailOf(troubled.error), waitMs: waitAfter(troubled.item.failures) };
  return concat(
    settleParsed(parsed, { ports, options, clock }).pipe(
      map((settlements): Worked => ({ settlements, isEnd: false, trouble: null })),
    ),
    settleRequests(given, ports.archive, clock).pipe(
      map((settlements): Worked => ({ settlements, isEnd: true, trouble })),
    ),
  );
}

/** Settles parsed items together; where a bug throws at one of them, each alone, so that it stops no other for ever. */
function settleParsed(parsed: readonly SpoolItem[], settling: Settling): Observable<readonly Settlement[]> {
  const { ports, options, clock } = settling;
  return settleWindow(parsed, ports, options, clock).pipe(
    catchError((error: unknown) => {
      const [only, ...others] = parsed;
      if (!isBug(error) || only === undefined) throw error;
      if (others.length === 0) return settleRequests([failedRequest(only, error, clock.now())], ports.archive, clock);
      return from(parsed).pipe(concatMap((item) => settleParsed([item], settling)));
    }),
  );
}

type Failed = Extract<Unwrapped, { kind: 'failed' }>;

/** The item with what the parser made of it as a step. */
export function withParsedStep(item: SpoolItem, at: number): SpoolItem {
  const { parsed } = item;
  if (parsed === null) return item;
  const detail = [parsed.level, parsed.family ?? parsed.class, ...parsed.flags].join(' ');
  return stepped(item, { at, step: 'parsed', detail });
}
