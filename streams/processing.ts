import {
  catchError,
  concat,
  defer,
  filter,
  from,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  type OperatorFunction,
  of,
  type SchedulerLike,
  timer,
  toArray,
} from 'rxjs';
import { drain } from './drain.ts';
import { EngineFailure } from './failure.ts';
import type { Settlement, SpoolItem } from './message.ts';
import type { Spool } from './ports.ts';
import { type SettleOptions, type SettlePorts, settleWindow, stepped } from './settle.ts';
import { type UnwrapPorts, type Unwrapped, unwrapWindow } from './unwrap.ts';

export interface ProcessingPorts extends UnwrapPorts, SettlePorts {
  readonly spool: Spool;
  /** Fires when items of this definition became due. */
  readonly wake$: Observable<unknown>;
}
export interface ProcessingOptions extends SettleOptions {
  readonly definitionId: string | null;
  readonly window: number;
}
/** What processing tells its actor: what settled, and that a port failed and when it is tried again. */
export type ProcessingNews =
  | { readonly type: 'processing.settled'; readonly at: number; readonly settlements: readonly Settlement[] }
  | { readonly type: 'processing.failed'; readonly at: number; readonly detail: string; readonly retryAt: number };

/** An attempt runs within a second of its time, and a lost wake costs no more. */
const idleMs = 1_000;
/** Waits after a failed step or a failed port (journaling c.2). */
const retryAfterMs = [1_000, 10_000, 60_000] as const;

/**
 * The line of one definition: due items are unwrapped, ruled on and settled, window by window. A bad item stops no other;
 * a port that fails is tried again for as long as it takes, with every item still in the spool.
 */
export function processing(
  ports: ProcessingPorts,
  options: ProcessingOptions,
  clock: SchedulerLike,
): Observable<ProcessingNews> {
  const stage: OperatorFunction<readonly SpoolItem[], ProcessingNews> = mergeMap(
    (items) => work(items, ports, options, clock),
    1,
  );
  const drained$ = drain(ports.spool, stage, { wake$: ports.wake$, clock }, { ...options, idleMs });
  return retrying(drained$, clock);
}

/** Starts again after an error, saying so; the waits grow while nothing settles in between. */
function retrying(source$: Observable<ProcessingNews>, clock: SchedulerLike): Observable<ProcessingNews> {
  const turn = (failures: number): Observable<ProcessingNews> => {
    let failedBefore = failures;
    return source$.pipe(
      map((news) => {
        failedBefore = 0;
        return news;
      }),
      catchError((error: unknown) => {
        const waitMs = waitAfter(failedBefore);
        const failed: ProcessingNews = {
          type: 'processing.failed',
          at: clock.now(),
          detail: error instanceof Error ? error.message : String(error),
          retryAt: clock.now() + waitMs,
        };
        const again$ = timer(waitMs, clock).pipe(mergeMap(() => turn(failedBefore + 1)));
        return concat(of(failed), again$);
      }),
    );
  };
  return defer(() => turn(0));
}

function work(
  items: readonly SpoolItem[],
  ports: ProcessingPorts,
  options: ProcessingOptions,
  clock: SchedulerLike,
): Observable<ProcessingNews> {
  return unwrapWindow(items, ports, options.optionsFor, options.matching).pipe(
    toArray(),
    mergeMap((unwrapped) => {
      const at = clock.now();
      const parsed = unwrapped.filter(({ kind }) => kind === 'parsed').map(({ item }) => withParsedStep(item, at));
      const failed = unwrapped.filter((each): each is Failed => each.kind === 'failed');
      const ready = [...parsed, ...failed.map((each) => givenUp(each, at)).filter((item) => item !== null)];
      const back = failed.filter((each) => !isGivenUp(each)).map((each) => putBack(each, at));
      const deferred$ = back.length === 0 ? of(undefined) : from(ports.spool.defer(back));
      return concat(deferred$.pipe(ignoreElements()), settleWindow(ready, ports, options, clock));
    }),
    filter((settlements) => settlements.length > 0),
    map((settlements): ProcessingNews => ({ type: 'processing.settled', at: clock.now(), settlements })),
  );
}

type Failed = Extract<Unwrapped, { kind: 'failed' }>;

const waitAfter = (failures: number): number => retryAfterMs[Math.min(failures, retryAfterMs.length - 1)] ?? 60_000;

/** Trouble of the store never quarantines mail; a parser that crashes, or bytes that are damaged, do after three tries. */
const isGivenUp = ({ item, error }: Failed): boolean =>
  item.failures >= retryAfterMs.length &&
  !(error instanceof EngineFailure && error.retryable && error.code !== 'parser-crash');

function putBack({ item, error }: Failed, at: number): SpoolItem {
  const detail = error instanceof Error ? error.message : String(error);
  return { ...stepped(item, at, 'failed', detail), failures: item.failures + 1, dueAt: at + waitAfter(item.failures) };
}

/** The item as one that cannot be read, for settling as quarantined. */
function givenUp(failed: Failed, at: number): SpoolItem | null {
  if (!isGivenUp(failed)) return null;
  const { item, error } = failed;
  const damaged = error instanceof EngineFailure && (error.code === 'damaged' || error.code === 'missing');
  const detail = error instanceof Error ? error.message : String(error);
  return {
    ...stepped(item, at, 'failed', detail),
    overrides: item.overrides.filter((rule) => rule !== 'quarantine'),
    parsed: { ...unreadable, quarantineReason: damaged ? 'storage-poison' : 'parser-crash' },
  };
}

const unreadable = {
  class: 'quarantine',
  family: null,
  level: 'L5',
  flags: [],
  sender: null,
  onBehalfOf: null,
  subject: null,
  messageId: null,
  reportMessageId: null,
  recipients: [],
  originals: [],
  primary: null,
  extra: {},
  unparsed: [],
  times: { date: null, reportSent: null, oldestReceived: null, newestReceived: null, outerDate: null },
  representations: [],
  observed: [],
  internal: false,
  matchKey: null,
} as const;

const withParsedStep = (item: SpoolItem, at: number): SpoolItem => {
  const { parsed, state } = item;
  if (parsed === null || state !== 'parsed') return item;
  return stepped(item, at, 'parsed', [parsed.level, parsed.family ?? parsed.class, ...parsed.flags].join(' '));
};
