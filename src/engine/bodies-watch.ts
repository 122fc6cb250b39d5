import { exhaustMap, from, type Subscription, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { ClusterWatchParts, Failing } from './cluster-watch.ts';

/** One question to object storage each time. */
export const bodiesEveryMs = 10_000;

/**
 * Looks whether bodies of mail can be stored, and tells since when not; null while they can. By itself, and nobody waits
 * for its end: an answer may take as long as object storage is waited for.
 */
export function watchBodies(
  { sight, clock, log }: Pick<ClusterWatchParts, 'sight' | 'clock' | 'log'>,
  told: (bodiless: Failing | null) => void,
): Subscription {
  let known: Failing | null = null;
  const look = async (): Promise<void> => {
    const at = clock.now();
    try {
      await sight.bodies();
      known = null;
    } catch (error) {
      if (known === null) log('warn', 'no mail can be put into object storage', { error: String(error) });
      known = { since: known?.since ?? at, detail: messageOf(error) };
    }
    told(known);
  };
  return timer(0, bodiesEveryMs, clock)
    .pipe(exhaustMap(() => from(look())))
    .subscribe();
}
