import type { JournalOptions, MatchingOptions, SpoolItem } from './message.ts';

type Timing = Pick<
  JournalOptions,
  'initialProcessDelayMs' | 'deliveryWaitAttempts' | 'deliveryWaitIntervalMs' | 'extendedDeduplication'
>;
type Matching = Pick<MatchingOptions, 'extendedWaitMs' | 'continuityEvent'>;

/** When one item is looked up, and when it is archived at the latest (journaling c.5). */
export interface Schedule {
  /** Attempt 1 … N, epoch milliseconds. */
  readonly attempts: readonly number[];
  /** The one extra attempt of Extended De-Duplication, or null. */
  readonly extendedAt: number | null;
  readonly deadline: number;
}

export function scheduleOf(
  { receivedAt, internal }: { readonly receivedAt: number; readonly internal: boolean },
  timing: Timing,
  matching: Matching,
): Schedule {
  const first = receivedAt + timing.initialProcessDelayMs;
  const attempts = Array.from(
    { length: timing.deliveryWaitAttempts },
    (_, at) => first + at * timing.deliveryWaitIntervalMs,
  );
  const last = attempts.at(-1) ?? first;
  const waitsLonger = timing.extendedDeduplication && internal && !matching.continuityEvent;
  const end = receivedAt + matching.extendedWaitMs;
  const extendedAt = waitsLonger && end > last ? end : null;
  return { attempts, extendedAt, deadline: extendedAt ?? last };
}

/** A clock that is put right by less costs an item no more than this. */
export const setBackMs = 5 * 60_000;
/** The longest `deliveryWaitInterval`, and the longest `matching.extendedWait`, which no `initialProcessDelay` exceeds. */
const [longestIntervalMs, longestWaitMs] = [3_600_000, 24 * 86_400_000];

/**
 * Rule: true for an item that was received, or got its time, under a clock that has been set back since: it would wait
 * until that time comes again, for years after a clock that was years ahead. It is due within a minute, out of turn.
 */
export function isOfAnotherClock({ receivedAt, dueAt }: Pick<SpoolItem, 'receivedAt' | 'dueAt'>, now: number): boolean {
  if (receivedAt > now + setBackMs) return true;
  return dueAt > now + longestIntervalMs && dueAt > receivedAt + longestWaitMs;
}

/** The next look-up of an item that missed: `attempt` look-ups count so far, the last one will be at `deadline`. */
export interface NextLookUp {
  readonly attempt: number;
  readonly dueAt: number;
  readonly deadline: number;
}

/**
 * What a missed look-up leads to. An attempt that ran late (the engine was down) does not burn the next ones: they keep
 * the interval from now. A look-up after a wake is free, unless the attempt it stands for is due as well. The extended
 * wait ends at its absolute time, whatever has run late.
 */
export function afterMiss(
  item: Pick<SpoolItem, 'attempt' | 'woken' | 'dueAt' | 'deadline'>,
  schedule: Schedule,
  { deliveryWaitIntervalMs: intervalMs }: Pick<Timing, 'deliveryWaitIntervalMs'>,
  now: number,
): NextLookUp | 'archive' {
  const total = schedule.attempts.length;
  const { extendedAt } = schedule;
  if (extendedAt !== null && now >= extendedAt) return 'archive';
  const plannedAt = item.woken ? plannedAfterWake(item, schedule, intervalMs, now) : item.dueAt;
  if (item.woken && plannedAt > now)
    return { attempt: item.attempt, dueAt: plannedAt, deadline: deadlineOf(plannedAt) };
  const attempt = item.attempt + 1;
  if (attempt >= total) {
    // More than all of them there are only where it was due out of turn.
    const isOver = extendedAt === null || attempt > total;
    return isOver ? 'archive' : { attempt, dueAt: extendedAt, deadline: extendedAt };
  }
  const isLate = now - plannedAt > Math.min(lateAfterMs, intervalMs);
  const dueAt = Math.min((isLate ? now : plannedAt) + intervalMs, extendedAt ?? Number.POSITIVE_INFINITY);
  return { attempt, dueAt, deadline: extendedAt ?? dueAt + (total - 1 - attempt) * intervalMs };

  function deadlineOf(nextAt: number): number {
    return extendedAt ?? nextAt + (total - 1 - item.attempt) * intervalMs;
  }
}

/** Attempts run within a second of their time; later means that the engine was not there. */
const lateAfterMs = 1_000;

/** When the attempt that a wake came before is due: the wake has put its own time in place of it. */
function plannedAfterWake(
  { attempt, deadline }: Pick<SpoolItem, 'attempt' | 'deadline'>,
  { attempts, extendedAt, deadline: unshifted }: Schedule,
  intervalMs: number,
  now: number,
): number {
  if (extendedAt === null) return (deadline ?? unshifted) - (attempts.length - 1 - attempt) * intervalMs;
  const planned = attempts[attempt] ?? extendedAt;
  return Math.min(planned > now ? planned : now + intervalMs, extendedAt);
}
