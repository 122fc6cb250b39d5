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

/**
 * What a missed look-up leads to. An attempt that ran late (the engine was down) does not burn the next ones: they keep
 * the interval from now. A look-up after a wake is free. The extended wait ends at its absolute time.
 */
export function afterMiss(
  item: Pick<SpoolItem, 'attempt' | 'woken' | 'dueAt'>,
  schedule: Schedule,
  timing: Timing,
  now: number,
): { readonly attempt: number; readonly dueAt: number } | 'archive' {
  const attempt = item.woken ? item.attempt : item.attempt + 1;
  const total = schedule.attempts.length + (schedule.extendedAt === null ? 0 : 1);
  if (attempt >= total) return 'archive';
  if (item.woken) return { attempt, dueAt: Math.max(now, plannedAt(attempt, schedule)) };
  if (attempt >= schedule.attempts.length) return { attempt, dueAt: Math.max(now, schedule.extendedAt ?? now) };
  return {
    attempt,
    dueAt: Math.max(plannedAt(attempt, schedule), lateBy(item, now) ? now + timing.deliveryWaitIntervalMs : 0),
  };
}

/** Attempts run within a second of their time; later means that the engine was not there. */
const lateAfterMs = 1_000;
const lateBy = ({ dueAt }: Pick<SpoolItem, 'dueAt'>, now: number): boolean => now - dueAt > lateAfterMs;

const plannedAt = (attempt: number, { attempts, extendedAt, deadline }: Schedule): number =>
  attempts[attempt] ?? extendedAt ?? deadline;
