import type { SchedulerLike } from 'rxjs';
import type { ClusterStatus } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { isoOrNull } from '../time-words.ts';
import { archiveDuty, type Duties } from './duties.ts';
import { openHourly } from './hourly.ts';

/** After retention's own first pass: a start has other things to do first. */
const firstPassMs = 180_000;

/** What of a cluster lies in object storage. */
export interface SharedPacks {
  /**
   * Takes away what nothing names, once a day for all workers, some at a time. Answers whether it came to its end; null: it
   * is not due. @throws EngineFailure `store-failed`; then it is due at once
   */
  sweepIfDue(sweep: {
    /** Epoch ms. */
    readonly now: number;
    /** Looked at between two steps. */
    readonly isEnding: () => boolean;
    /** Told of packs that were removed, some at a time. */
    readonly removed: (packs: number) => void;
  }): Promise<boolean | null>;
}

export interface PackSweepParts {
  readonly packs: SharedPacks;
  readonly duties: Pick<Duties, 'isMine'>;
  readonly clock: SchedulerLike;
  readonly log: Log;
}
export interface PackSweep extends AsyncDisposable {
  status(): NonNullable<ClusterStatus['packs']>;
}

/**
 * Has packs that nothing names taken out of the object storage, once a day for the whole log (D-127). It looks every hour
 * whether that is due, so one that failed, or that a bound has ended, is tried again then.
 */
export function openPackSweep({ packs, duties, clock, log }: PackSweepParts): PackSweep {
  let swept = 0;
  let lastSweptAt: number | null = null;
  const isMine = (): boolean => duties.isMine(archiveDuty);
  const pass = async (closing: () => boolean): Promise<void> => {
    const before = swept;
    const removed = (count: number): void => {
      swept += count;
    };
    const isEnding = (): boolean => closing() || !isMine();
    try {
      const isWhole = await packs.sweepIfDue({ now: clock.now(), isEnding, removed });
      if (isWhole === true) lastSweptAt = clock.now();
      if (isWhole !== null) log('info', 'the object storage was swept', { removed: swept - before, isWhole });
    } catch (error) {
      if (swept > before) log('info', 'the object storage was swept in part', { removed: swept - before });
      throw error;
    }
  };
  const passes = openHourly({ name: 'pack sweep', firstMs: firstPassMs, pass, isMine, clock, log });
  return {
    status: () => ({ swept, lastSweptAt: isoOrNull(lastSweptAt) }),
    [Symbol.asyncDispose]: () => passes[Symbol.asyncDispose](),
  };
}
