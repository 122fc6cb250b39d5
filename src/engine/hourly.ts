import { exhaustMap, filter, from, type SchedulerLike, timer } from 'rxjs';
import type { Log } from '../log.ts';

const everyMs = 3_600_000;

/** What looks every hour for what has become due in the store, whose times are absolute. */
export interface HourlyPass {
  /** For people, in the log. */
  readonly name: string;
  readonly firstMs: number;
  /** Looks at `closing` between its steps, and ends early where it is true. */
  readonly pass: (closing: () => boolean) => Promise<void>;
  /** Absent: every time. */
  readonly isMine?: (() => boolean) | undefined;
  readonly clock: SchedulerLike;
  readonly log: Log;
}

/** A pass that fails is logged and tried again an hour later. Closing ends the pass under way at its next step. */
export function openHourly({ name, firstMs, pass, isMine = () => true, clock, log }: HourlyPass): AsyncDisposable {
  let closing = false;
  let passing: Promise<void> = Promise.resolve();
  const passes = timer(firstMs, everyMs, clock)
    .pipe(
      filter(isMine),
      exhaustMap(() => {
        passing = pass(() => closing).catch((error: unknown) =>
          log('error', `a ${name} pass failed`, { error: String(error) }),
        );
        return from(passing);
      }),
    )
    .subscribe();
  return {
    [Symbol.asyncDispose]: async () => {
      closing = true;
      passes.unsubscribe();
      await passing;
    },
  };
}
