/**
 * What the log says of the time: that of its last record, and whether it leapt since. A clock that went ahead by years
 * would make all mail overdue; a fold of the record times knows it whatever restarts and crashes came in between.
 */
export interface LogTime {
  /** Time of the last record, epoch milliseconds. */
  readonly at: number;
  /** From where to where it leapt; null while it has not, or once the clock is back or somebody has said that it is right. */
  readonly leap: { readonly from: number; readonly to: number } | null;
}

/**
 * An engine writes a record at least once a day. A longer step between two is a clock that was set, or an engine that
 * stood for longer than a week: somebody has to say which.
 */
export const longestStepMs = 7 * 86_400_000;

/** The time of the log after a record of `at`. */
export function timeAfter(before: LogTime | null, at: number): LogTime {
  if (before === null) return { at, leap: null };
  const { leap } = before;
  if (leap !== null) return { at, leap: at < leap.from + longestStepMs ? null : leap };
  return { at, leap: at - before.at > longestStepMs ? { from: before.at, to: at } : null };
}
