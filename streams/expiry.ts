import type { MatchingOptions, MessageTimes } from './message.ts';

const dayMs = 86_400_000;

export interface AgeVerdict {
  readonly expired: boolean;
  /** Over age by its Date, yet a transport time is young: the sending device's clock is likely wrong. */
  readonly suspectedClockSkew: boolean;
  readonly dateInFuture: boolean;
  /** The clock that was compared, epoch milliseconds. */
  readonly messageTime: number;
}

/** The 30-day rule (journaling c.6), judged once, at receipt. Exactly `maxAgeMs` old is processed. */
export function judgeAge(
  times: MessageTimes,
  receivedAt: number,
  { maxAgeMs, expiryClock }: Pick<MatchingOptions, 'maxAgeMs' | 'expiryClock'>,
): AgeVerdict {
  const { date, reportSent, oldestReceived, newestReceived, outerDate } = times;
  const inOrder = [date, reportSent, oldestReceived, outerDate].filter((time) => time !== null);
  const newest = newestReceived === null ? inOrder : [...inOrder, newestReceived];
  const messageTime = (expiryClock === 'date' || newest.length === 0 ? inOrder[0] : Math.max(...newest)) ?? receivedAt;
  const isOld = (time: number): boolean => receivedAt - time > maxAgeMs;
  const expired = isOld(messageTime);
  const transport = [reportSent, newestReceived, outerDate].filter((time) => time !== null);
  return {
    expired,
    suspectedClockSkew: expired && date !== null && transport.some((time) => !isOld(time)),
    dateInFuture: date !== null && date - receivedAt > dayMs,
    messageTime,
  };
}
