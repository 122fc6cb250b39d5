import type { AgeClock } from '../../streams/message.ts';

/** What was held for its age since the last summary (journaling c.6). Times are epoch milliseconds. */
export interface HeldDigest {
  readonly count: number;
  readonly suspectedClockSkew: number;
  /** Range of the times that the messages were judged by. */
  readonly oldest: number;
  readonly newest: number;
  /** When the first and the last of them were held. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The digest with one more item, held at `at`. */
export function withHeld(
  before: HeldDigest | undefined,
  { flags, clock, at }: { readonly flags: readonly string[]; readonly clock: AgeClock; readonly at: number },
): HeldDigest {
  const { messageTime } = clock;
  return {
    count: (before?.count ?? 0) + 1,
    suspectedClockSkew: (before?.suspectedClockSkew ?? 0) + (flags.includes('suspected-clock-skew') ? 1 : 0),
    oldest: Math.min(before?.oldest ?? messageTime, messageTime),
    newest: Math.max(before?.newest ?? messageTime, messageTime),
    firstAt: before?.firstAt ?? at,
    lastAt: at,
  };
}
