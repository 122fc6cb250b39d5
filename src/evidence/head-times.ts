import {
  concatMap,
  defer,
  EMPTY,
  filter,
  from,
  merge,
  mergeMap,
  type Observable,
  of,
  type SchedulerLike,
  timer,
} from 'rxjs';

/** A head is signed this long after the last, or after so many records, whichever is first (store section 4). */
const everyMs = 60_000;
const everyRecords = 1_000;

export interface HeadTimes {
  /** Fires when records came. */
  readonly grown$: Observable<unknown>;
  /** The last record. */
  readonly size: () => number;
  /** The `checkpoint` record of the last head; nothing new stands while it is the last record of all. */
  readonly signedSeq: () => number;
}

/** Signs when it is time, one after the other. `sign` is not called where nothing but the last head came since. */
export function signingHeads<T>(
  { grown$, size, signedSeq }: HeadTimes,
  sign: () => Promise<T>,
  clock: SchedulerLike,
): Observable<T> {
  const full$ = grown$.pipe(filter(() => size() - signedSeq() >= everyRecords));
  return merge(full$, timer(everyMs, everyMs, clock)).pipe(
    // What fires while one is being signed is looked at again after it: by then it may be done.
    concatMap(() => defer(() => (size() > signedSeq() ? from(sign()) : EMPTY))),
    mergeMap((signed) => of(signed)),
  );
}
