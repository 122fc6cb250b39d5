import {
  catchError,
  concat,
  defer,
  ignoreElements,
  mergeMap,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  takeUntil,
  timer,
} from 'rxjs';
import { detailOf, waitAfter } from './failed-step.ts';
import type { Settlement } from './message.ts';

/** What processing tells its actor: what settled, that a port failed and when it is tried again, and that none does any more. */
export type ProcessingNews =
  | { readonly type: 'processing.settled'; readonly at: number; readonly settlements: readonly Settlement[] }
  | { readonly type: 'processing.failed'; readonly at: number; readonly detail: string; readonly retryAt: number }
  | { readonly type: 'processing.resumed'; readonly at: number };

/** What one half of a batch came to: the parsed items, then those whose step failed. */
export interface Worked {
  readonly settlements: readonly Settlement[];
  /** The whole batch has gone through. */
  readonly isEnd: boolean;
  /** An item was put back since the machine, not the message, was in the way; told as news. */
  readonly trouble: { readonly detail: string; readonly waitMs: number } | null;
}

/** Nothing is due; `isEmpty`: nothing waits for its time either. */
export interface Rest {
  readonly isEmpty: boolean;
}

/**
 * Starts again after an error, saying so; the waits grow while nothing goes through in between. It says too when the
 * trouble is over: by what settles, or, where nothing comes, by a read that finds nothing due; an item that was put back
 * is trouble until it settles, here or by another's hand.
 */
export function retrying(
  source$: Observable<Worked | Rest>,
  recovered$: Observable<unknown>,
  clock: SchedulerLike,
): Observable<ProcessingNews> {
  return defer(() => {
    let failures = 0;
    let standing: 'port' | 'item' | null = null;
    const failed = (detail: string, waitMs: number): ProcessingNews => {
      const at = clock.now();
      return { type: 'processing.failed', at, detail, retryAt: at + waitMs };
    };
    const rested = ({ isEmpty }: Rest): readonly ProcessingNews[] => {
      if (standing === null || (standing === 'item' && !isEmpty)) return [];
      standing = null;
      failures = 0;
      return [{ type: 'processing.resumed', at: clock.now() }];
    };
    const turn$ = source$.pipe(
      mergeMap((turn) => {
        if ('isEmpty' in turn) return rested(turn);
        const { settlements, trouble, isEnd } = turn;
        if (isEnd) failures = 0;
        if (settlements.length > 0) standing = null;
        if (trouble !== null) standing = 'item';
        const settled = { type: 'processing.settled', at: clock.now(), settlements } as const;
        return [
          ...(settlements.length > 0 ? [settled] : []),
          ...(trouble === null ? [] : [failed(trouble.detail, trouble.waitMs)]),
        ];
      }, 1),
      catchError((error: unknown) => {
        const waitMs = waitAfter(failures);
        const news = failed(detailOf(error), waitMs);
        standing = 'port';
        const rest$ = timer(waitMs, clock).pipe(takeUntil(recovered$), ignoreElements());
        failures += 1;
        return concat(of(news), rest$);
      }),
    );
    // The drain itself never completes, so an end of the turn is the end of a rest.
    return turn$.pipe(repeat());
  });
}
