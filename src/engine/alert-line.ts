import {
  concat,
  defer,
  delay,
  ignoreElements,
  mergeMap,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  take,
  timer,
} from 'rxjs';
import type { Alert } from '../../streams/alert.ts';
import { messageOf } from '../../streams/failure.ts';

/** What became of one message to a channel. `since`: when the channel began to fail. */
export type Delivered =
  | { readonly kind: 'sent'; readonly at: number; readonly alerts: readonly Alert[] }
  | { readonly kind: 'failed'; readonly at: number; readonly since: number; readonly detail: string };

/** Waits after a failure; the last stays for as long as there is something to tell. */
const retryAfterMs = [10_000, 60_000, 300_000, 900_000] as const;

export interface LineParts {
  /** What this channel is still to be told, read anew for each message: an alert that moved on is told as it is now. */
  readonly pending: () => readonly Alert[];
  readonly send: (alerts: readonly Alert[]) => Promise<void>;
  /** Something new may be pending. */
  readonly wake$: Observable<unknown>;
  readonly gatherMs: number;
  readonly restMs: number;
  readonly most: number;
  readonly clock: SchedulerLike;
}

/**
 * Tells one channel for as long as it is subscribed, one message at a time. There is no queue: what is pending is the
 * difference between the alerts and what the channel was told, so it is bounded by the alerts and outlives a restart.
 */
export function alertLine({ pending, send, wake$, gatherMs, restMs, most, clock }: LineParts): Observable<Delivered> {
  let failures = 0;
  let since = 0;
  const judged = (detail: string | null, alerts: readonly Alert[]): Delivered => {
    const at = clock.now();
    if (detail === null) {
      failures = 0;
      return { kind: 'sent', at, alerts };
    }
    if (failures === 0) since = at;
    failures += 1;
    return { kind: 'failed', at, since, detail };
  };
  const wait = (): number =>
    failures === 0 ? restMs : (retryAfterMs[Math.min(failures, retryAfterMs.length) - 1] ?? restMs);
  const turn$ = defer(() => {
    const alerts = pending().slice(0, most);
    if (alerts.length === 0) return wake$.pipe(take(1), delay(gatherMs, clock), ignoreElements());
    return defer(() => failureOf(() => send(alerts))).pipe(
      mergeMap((detail) => {
        const delivered = judged(detail, alerts);
        return concat(of(delivered), timer(wait(), clock).pipe(ignoreElements()));
      }),
    );
  });
  return turn$.pipe(repeat());
}

async function failureOf(send: () => Promise<void>): Promise<string | null> {
  try {
    await send();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
