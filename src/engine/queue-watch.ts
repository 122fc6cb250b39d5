import { distinctUntilChanged, map, type Observable, scan, startWith } from 'rxjs';
import type { Status } from '../http/status.schema.ts';
import type { Store } from '../store/open-store.ts';
import { isoTime } from '../time-words.ts';

/** Shares of `limits.processingQueue`: above the first it is high, until it falls below the second again. */
const highShare = 0.8;
const normalShare = 0.6;

interface QueueLimits {
  readonly queueMessages: number;
  readonly queueBytes: number;
}

/** 1: it is full. */
const shareOf = (queue: Store['queue'], limits: QueueLimits): number =>
  Math.max(queue.messages / limits.queueMessages, queue.bytes / limits.queueBytes);

/** How full the processing queue is, by messages or bytes, whichever is nearer to its limit; at most as often as it changes. */
export function queueHigh$(
  { touched$, queue }: Pick<Store, 'touched$' | 'queue'>,
  limits: QueueLimits,
): Observable<boolean> {
  return touched$.pipe(
    startWith(undefined),
    map(() => shareOf(queue, limits)),
    scan((high, now) => now >= (high ? normalShare : highShare), false),
    distinctUntilChanged(),
  );
}

/** Since when the queue is high, and whether mail is put off for it by now. */
export function queueWarnings(
  { queue }: Pick<Store, 'queue'>,
  limits: QueueLimits,
  highSince: number | null,
): Status['warnings'] {
  if (highSince === null) return [];
  const share = shareOf(queue, limits);
  const text =
    share >= 1
      ? 'the processing queue is full: mail is put off until it is shorter'
      : `the processing queue is ${Math.floor(share * 100)} % full: at its limit mail is put off`;
  return [{ code: 'queue-high', text, since: isoTime(highSince) }];
}
