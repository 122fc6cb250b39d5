import { exhaustMap, filter, from, type SchedulerLike, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { isoTime, minute } from '../time-words.ts';

const everyMs = 3_600_000;
/** What is away for some hours is told of by what it is; what fails for longer does so for a reason of its own. */
export const failingToTellMs = 6 * everyMs;

/** What looks every hour for what has become due in the store, whose times are absolute. */
export interface HourlyPass {
  /** For people, in the log and in a warning. */
  readonly name: string;
  readonly firstMs: number;
  /** Looks at `closing` between its steps, and ends early where it is true. */
  readonly pass: (closing: () => boolean) => Promise<void>;
  /** Absent: every time. */
  readonly isMine?: (() => boolean) | undefined;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly warnAlso: WarnAlso;
}
/** Has these stand among the warnings of the engine from now on. */
export type WarnAlso = (warnings: () => Status['warnings']) => void;

/** Passes one after the other that failed. */
interface Failing {
  readonly since: number;
  readonly detail: string;
}

/**
 * A pass that fails is logged and tried again an hour later; one that has failed for 6 hours is a warning. Closing ends the
 * pass under way at its next step.
 */
export function openHourly(hourly: HourlyPass): AsyncDisposable {
  const { name, firstMs, pass, isMine = () => true, clock, log } = hourly;
  let closing = false;
  let passing: Promise<void> = Promise.resolve();
  let failing: Failing | null = null;
  const failed = (error: unknown, at: number): void => {
    log('error', `a ${name} pass failed`, { error: String(error) });
    failing = { since: failing?.since ?? at, detail: messageOf(error) };
  };
  const went = (): void => {
    failing = null;
  };
  hourly.warnAlso(() => warningsOf(name, failing, clock.now()));
  const passes = timer(firstMs, everyMs, clock)
    .pipe(
      filter(() => {
        const mine = isMine();
        // Whoever does it now knows how it goes.
        if (!mine) went();
        return mine;
      }),
      exhaustMap(() => {
        const at = clock.now();
        passing = pass(() => closing).then(went, (error: unknown) => failed(error, at));
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

function warningsOf(name: string, failing: Failing | null, now: number): Status['warnings'] {
  if (failing === null || now - failing.since < failingToTellMs) return [];
  const text = `each ${name} pass since ${minute(failing.since)} has failed: ${failing.detail}`;
  return [{ code: 'upkeep-failing', text, since: isoTime(failing.since) }];
}
