import { distinctUntilChanged, map, type Observable, scan, startWith } from 'rxjs';
import type { Store } from '../store/open-store.ts';

/** Shares of `limits.processingQueue`: above the first it is high, until it falls below the second again. */
const highShare = 0.8;
const normalShare = 0.6;

/** How full the processing queue is, by messages or bytes, whichever is nearer to its limit; at most as often as it changes. */
export function queueHigh$(
  { touched$, queue }: Pick<Store, 'touched$' | 'queue'>,
  limits: { readonly queueMessages: number; readonly queueBytes: number },
): Observable<boolean> {
  const share = (): number => Math.max(queue.messages / limits.queueMessages, queue.bytes / limits.queueBytes);
  return touched$.pipe(
    startWith(undefined),
    map(share),
    scan((high, now) => now >= (high ? normalShare : highShare), false),
    distinctUntilChanged(),
  );
}
