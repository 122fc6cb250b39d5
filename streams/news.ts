import { Observable, type OperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import type { Settlement } from './message.ts';

/** News of a machine are at most one in this time, so that a busy definition costs its actor no more than a quiet one. */
const everyMs = 1_000;
/** Settlements that one event may carry; a fuller second is told in several. Their number is bounded by the windows. */
const maxTold = 4_096;

interface Settled {
  readonly type: 'processing.settled';
  readonly at: number;
  readonly settlements: readonly Settlement[];
}

/**
 * Folds what settled into at most one event a second: the first at once, the rest of its second together at the end of
 * it. Other news pass as they are, after what was held back. Counters do not depend on it; they are the store's.
 */
export function foldSettled<T extends { readonly type: string }>(
  clock: SchedulerLike,
): OperatorFunction<T | Settled, T | Settled> {
  return (source$) =>
    new Observable((subscriber) => {
      let held: Settlement[] = [];
      let rest: Subscription | undefined;
      const tell = (): void => {
        if (held.length === 0) return;
        const settlements = held;
        held = [];
        subscriber.next({ type: 'processing.settled', at: clock.now(), settlements });
      };
      const startRest = (): void => {
        rest?.unsubscribe();
        rest = clock.schedule(() => {
          rest = undefined;
          if (held.length === 0) return;
          startRest();
          tell();
        }, everyMs);
      };
      const outer = source$.subscribe({
        next: (news) => {
          if (!isSettled(news)) {
            tell();
            subscriber.next(news);
            return;
          }
          held.push(...news.settlements);
          if (rest !== undefined && held.length < maxTold) return;
          startRest();
          tell();
        },
        error: (error: unknown) => {
          tell();
          subscriber.error(error);
        },
        complete: () => {
          tell();
          subscriber.complete();
        },
      });
      return () => {
        outer.unsubscribe();
        rest?.unsubscribe();
      };
    });
}

const isSettled = (news: { readonly type: string }): news is Settled => news.type === 'processing.settled';
