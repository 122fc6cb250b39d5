import { describe, expect, test } from 'vitest';
import { judgeAge } from '../../streams/expiry.ts';
import { day, matchingOptions, noon, noTimes, second } from '../support/stream-shapes.ts';

const month = 30 * day;
const old = noon - month - day;
const young = noon - day;
const byDate = matchingOptions;
const byLatest = { ...matchingOptions, expiryClock: 'latest' } as const;

describe('S17 the 30-day rule', () => {
  test.each([
    ['30 days less a second', month - second, false],
    ['exactly 30 days', month, false],
    ['a millisecond more than 30 days', month + 1, true],
    ['30 days and a second', month + second, true],
  ])('a message of %s old is judged so', (_, ageMs, expired) => {
    expect(judgeAge({ ...noTimes, date: noon - ageMs }, noon, byDate).expired).toBe(expired);
  });

  test('follows the limit that is set', () => {
    const strict = { ...byDate, maxAgeMs: day };
    expect(judgeAge({ ...noTimes, date: noon - day }, noon, strict).expired).toBe(false);
    expect(judgeAge({ ...noTimes, date: noon - day - 1 }, noon, strict).expired).toBe(true);
  });

  test('without a Date takes the report, then the oldest Received, then the outer Date, then the receipt', () => {
    const times = {
      date: null,
      reportSent: noon - 4,
      oldestReceived: noon - 3,
      newestReceived: noon,
      outerDate: noon - 2,
    };
    expect(judgeAge(times, noon, byDate).messageTime).toBe(noon - 4);
    expect(judgeAge({ ...times, reportSent: null }, noon, byDate).messageTime).toBe(noon - 3);
    expect(judgeAge({ ...times, reportSent: null, oldestReceived: null }, noon, byDate).messageTime).toBe(noon - 2);
    const onlyNewest = { ...noTimes, newestReceived: noon - 1 };
    expect(judgeAge(onlyNewest, noon, byDate).messageTime).toBe(noon);
    expect(judgeAge(noTimes, noon, byLatest)).toMatchObject({ messageTime: noon, expired: false });
  });

  test('an old Date counts even where every other time is young, unless the clock is `latest`', () => {
    const times = { date: old, reportSent: young, oldestReceived: young, newestReceived: young + 1, outerDate: young };
    expect(judgeAge(times, noon, byDate).expired).toBe(true);
    expect(judgeAge(times, noon, byLatest)).toMatchObject({ expired: false, messageTime: young + 1 });
  });

  test.each(['reportSent', 'newestReceived', 'outerDate'] as const)(
    'an old Date with a young %s is a suspected clock skew',
    (time) => {
      const times = { ...noTimes, date: old, [time]: young };
      expect(judgeAge(times, noon, byDate)).toMatchObject({ expired: true, suspectedClockSkew: true });
      expect(judgeAge({ ...times, [time]: old }, noon, byDate)).toMatchObject({
        expired: true,
        suspectedClockSkew: false,
      });
    },
  );

  test('the oldest Received is no proof of a skew, and no skew is suspected of what is in time', () => {
    expect(judgeAge({ ...noTimes, date: old, oldestReceived: young }, noon, byDate).suspectedClockSkew).toBe(false);
    expect(judgeAge({ ...noTimes, date: young, reportSent: young }, noon, byDate).suspectedClockSkew).toBe(false);
  });

  test('a Date in the future never expires; more than a day ahead it is flagged', () => {
    const ahead = (ms: number) => judgeAge({ ...noTimes, date: noon + ms }, noon, byDate);
    expect(ahead(day)).toMatchObject({ expired: false, dateInFuture: false });
    expect(ahead(day + 1)).toMatchObject({ expired: false, dateInFuture: true });
    expect(ahead(400 * day)).toMatchObject({ expired: false, dateInFuture: true });
  });
});
