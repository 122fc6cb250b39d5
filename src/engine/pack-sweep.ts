import type { SchedulerLike } from 'rxjs';
import { allTried } from '../all-tried.ts';
import type { ClusterStatus } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { isoOrNull } from '../time-words.ts';
import { archiveDuty, type Duties } from './duties.ts';
import { openHourly, type WarnAlso } from './hourly.ts';

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
  /** Takes away what was to go and was locked, now that its locks have ended, some at a time. Answers how many packs. */
  removeUnlocked(options: { readonly now: number; readonly isEnding: () => boolean }): Promise<number>;
  /** Packs that are to go, and that a lock keeps. */
  locked(): Promise<number>;
}

export interface PackSweepParts {
  readonly packs: SharedPacks;
  readonly duties: Pick<Duties, 'isMine'>;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly warnAlso: WarnAlso;
}
export interface PackSweep extends AsyncDisposable {
  status(): NonNullable<ClusterStatus['packs']>;
}

/**
 * Has packs that nothing names taken out of the object storage, once a day for the whole log (D-127), and those that were to
 * go when their lock has ended (D-128). It looks every hour whether that is due, so what failed, or a bound has ended, is
 * tried again then.
 */
export function openPackSweep({ packs, duties, clock, log, warnAlso }: PackSweepParts): PackSweep {
  let swept = 0;
  let lastSweptAt: number | null = null;
  let locked: number | null = null;
  const isMine = (): boolean => duties.isMine(archiveDuty);
  const sweep = async (isEnding: () => boolean): Promise<void> => {
    const before = swept;
    const removed = (count: number): void => {
      swept += count;
    };
    try {
      const isWhole = await packs.sweepIfDue({ now: clock.now(), isEnding, removed });
      if (isWhole === true) lastSweptAt = clock.now();
      if (isWhole !== null) log('info', 'the object storage was swept', { removed: swept - before, isWhole });
    } catch (error) {
      if (swept > before) log('info', 'the object storage was swept in part', { removed: swept - before });
      throw error;
    }
  };
  const unlock = async (isEnding: () => boolean): Promise<void> => {
    const removed = await packs.removeUnlocked({ now: clock.now(), isEnding });
    if (removed > 0) log('info', 'packs whose lock has ended were removed', { removed });
  };
  const pass = async (closing: () => boolean): Promise<void> => {
    const isEnding = (): boolean => closing() || !isMine();
    try {
      await allTried([unlock, sweep], (step) => step(isEnding));
    } finally {
      locked = await packs.locked();
    }
  };
  const passes = openHourly({ name: 'pack sweep', firstMs: firstPassMs, pass, isMine, clock, log, warnAlso });
  return {
    status: () => ({ swept, locked: isMine() ? locked : null, lastSweptAt: isoOrNull(lastSweptAt) }),
    [Symbol.asyncDispose]: () => passes[Symbol.asyncDispose](),
  };
}
