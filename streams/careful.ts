import { concat, concatMap, EMPTY, from, type Observable } from 'rxjs';
import type { SpoolItem } from './message.ts';

/**
 * Who may have killed the process (reliability 5.7). After an end without a stop nobody knows which item it was: those
 * that were next are looked at one by one, of all lines together, each attempt counted on disk before it is made.
 */
export interface Suspicion {
  /** Costs nothing where the last life ended well. */
  isSuspect(item: SpoolItem): boolean;
  /**
   * Does `work` while no other suspect is worked on; `attempts` were made before, and the process outlived none of them.
   * Not counted any more once `work` ends, however it does.
   */
  alone<T>(item: SpoolItem, work: (attempts: number) => Observable<T>): Observable<T>;
}

/** Attempts that may end with the process; it is not tried once more. */
export const maxAttempts = 3;

/** The suspects of a window one by one, then all others together. `poisoned`: what becomes of one that is given up. */
export function carefully<T>(
  items: readonly SpoolItem[],
  suspicion: Suspicion | undefined,
  { work, poisoned }: Working<T>,
): Observable<T> {
  const suspects = suspicion === undefined ? [] : items.filter((item) => suspicion.isSuspect(item));
  if (suspicion === undefined || suspects.length === 0) return work(items);
  const others = items.filter((item) => !suspects.includes(item));
  const each = (item: SpoolItem): Observable<T> =>
    suspicion.alone(item, (attempts) => (attempts >= maxAttempts ? poisoned(item) : work([item])));
  return concat(from(suspects).pipe(concatMap(each)), others.length > 0 ? work(others) : EMPTY);
}
export interface Working<T> {
  readonly work: (items: readonly SpoolItem[]) => Observable<T>;
  readonly poisoned: (item: SpoolItem) => Observable<T>;
}
