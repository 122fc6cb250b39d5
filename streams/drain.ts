import {
  concat,
  concatMap,
  defer,
  EMPTY,
  finalize,
  from,
  ignoreElements,
  merge,
  type Observable,
  type OperatorFunction,
  of,
  repeat,
  type SchedulerLike,
  shareReplay,
  take,
  timer,
} from 'rxjs';
import type { SpoolItem } from './message.ts';
import type { DueWindow, Spool, Whose } from './spool.ts';

export interface DrainOptions<T = never> {
  readonly definitionId: string | null;
  /** Items in memory at once. */
  readonly window: number;
  /** The longest rest: bounds what a lost wake costs. */
  readonly idleMs: number;
  /** Whose items; all by default. */
  readonly whose?: Whose;
  /** What is told of a read that found nothing due; nothing by default. */
  readonly atRest?: (window: DueWindow) => T;
}

/** For what became due since the read: short against the second that an attempt may be late, and no spinning. */
const shortestRestMs = 5;

/**
 * Reads the due items of one definition, window by window: the next read waits until `stage` has completed the last one,
 * so a slow stage slows the reading. With nothing due it rests until `wake$`, or the next due time, `idleMs` at most. A
 * wake that comes during the read counts.
 */
export function drain<T>(
  spool: Pick<Spool, 'due'>,
  stage: OperatorFunction<readonly SpoolItem[], T>,
  { wake$, clock }: { readonly wake$: Observable<unknown>; readonly clock: SchedulerLike },
  options: DrainOptions<T>,
): Observable<T> {
  const rest = ({ nextDueAt }: DueWindow, woken$: Observable<unknown>): Observable<never> => {
    const untilDue = nextDueAt === null ? options.idleMs : nextDueAt - clock.now();
    const restMs = Math.min(options.idleMs, Math.max(shortestRestMs, untilDue));
    return merge(woken$, timer(restMs, clock)).pipe(take(1), ignoreElements());
  };
  const told = (window: DueWindow): Observable<T> =>
    options.atRest === undefined ? EMPTY : of(options.atRest(window));
  return defer(() => {
    // Subscribed before the read: shareReplay with refCount remembers one wake for as long as this turn lasts.
    const woken$ = wake$.pipe(take(1), shareReplay({ bufferSize: 1, refCount: true }));
    const listening = woken$.subscribe();
    return from(spool.due(options.definitionId, clock.now(), options.window, options.whose)).pipe(
      concatMap((window) =>
        window.items.length === 0 ? concat(told(window), rest(window, woken$)) : of(window.items).pipe(stage),
      ),
      finalize(() => listening.unsubscribe()),
    );
  }).pipe(repeat());
}
