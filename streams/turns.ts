import { AsyncSubject, concat, EMPTY, mergeMap, type Observable, type SchedulerLike, timer } from 'rxjs';

/** Work without a pause: everyone else waits for it, so it is less than what a dashboard notices (`bench/status.ts`). */
const turnMs = 8;

export interface Turns {
  /** Runs a piece of work at once while the turn lasts. After that one piece follows another, each in a turn of its own. */
  <T>(work: () => Observable<T>): Observable<T>;
  /** True where work would be run at once. */
  lasts(): boolean;
}

export function turns(clock: SchedulerLike): Turns {
  let endsAt = clock.now() + turnMs;
  let last$: Observable<never> = EMPTY;
  const lasts = (): boolean => clock.now() < endsAt;
  const run = <T>(work: () => Observable<T>): Observable<T> => {
    if (lasts()) return work();
    const done$ = new AsyncSubject<never>();
    const before$ = last$;
    last$ = done$;
    const own$ = timer(0, clock).pipe(
      mergeMap(() => {
        endsAt = clock.now() + turnMs;
        try {
          return work();
        } finally {
          done$.complete();
        }
      }),
    );
    return concat(before$, own$);
  };
  return Object.assign(run, { lasts });
}
