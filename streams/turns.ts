import { AsyncSubject, concat, EMPTY, mergeMap, type Observable, type SchedulerLike, timer } from 'rxjs';

/** Work without a pause: everyone else waits for it. A window of common mail is done in half of it. */
const turnMs = 40;

/** Runs a piece of work at once while the turn lasts. After that one piece follows another, each in a turn of its own. */
export type Turns = <T>(work: () => Observable<T>) => Observable<T>;

export function turns(clock: SchedulerLike): Turns {
  let endsAt = clock.now() + turnMs;
  let last$: Observable<never> = EMPTY;
  return (work) => {
    if (clock.now() < endsAt) return work();
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
}
