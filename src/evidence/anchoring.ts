import { defer, mergeMap, type Observable, repeat, type SchedulerLike, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { Anchor } from './anchor.ts';

/** What became of one attempt. `since` is when the anchor began to fail. */
export type Anchored =
  | { readonly kind: 'made'; readonly at: number; readonly size: number }
  | { readonly kind: 'failed'; readonly at: number; readonly since: number; readonly detail: string };

/** Waits after a failure; the last stays, and none is longer than the interval. */
const retryAfterMs = [10_000, 60_000, 300_000, 900_000] as const;

/** Where there is nothing to anchor yet, it is looked again after this. */
const lookAgainMs = 60_000;

/**
 * Anchors heads for as long as it is subscribed: one attempt at a time, each with the head that is newest then, so that an
 * anchor that was away catches up with one head. `lastAt`: the last success of an earlier life, epoch ms; null: at once.
 */
export function anchoring(
  { intervalMs }: Pick<Anchor, 'intervalMs'>,
  /** Answers the number of records that the head covers; null where there are none. */
  attempt: () => Promise<number | null>,
  { clock, lastAt }: { readonly clock: SchedulerLike; readonly lastAt: number | null },
): Observable<Anchored> {
  let failures = 0;
  let since = 0;
  let restMs: number = lookAgainMs;
  const judge = (outcome: number | string | null): readonly Anchored[] => {
    const at = clock.now();
    if (outcome === null) {
      restMs = lookAgainMs;
      return [];
    }
    if (typeof outcome === 'number') {
      failures = 0;
      restMs = intervalMs;
      return [{ kind: 'made', at, size: outcome }];
    }
    if (failures === 0) since = at;
    restMs = Math.min(retryAfterMs[Math.min(failures, retryAfterMs.length - 1)] ?? intervalMs, intervalMs);
    failures += 1;
    return [{ kind: 'failed', at, since, detail: outcome }];
  };
  // A clock that was put back must not keep an anchor away for longer than its interval.
  const firstMs = lastAt === null ? 0 : Math.min(intervalMs, Math.max(0, lastAt + intervalMs - clock.now()));
  const try$ = defer(() => outcomeOf(attempt)).pipe(mergeMap(judge), repeat({ delay: () => timer(restMs, clock) }));
  return timer(firstMs, clock).pipe(mergeMap(() => try$));
}

async function outcomeOf(attempt: () => Promise<number | null>): Promise<number | string | null> {
  try {
    return await attempt();
  } catch (error) {
    return messageOf(error);
  }
}
