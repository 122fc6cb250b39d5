import { expect, test } from 'vitest';
import { graceMs, type KeepSaid, periodAt, withSaid } from '../../src/store/keep-period.ts';
import { longestStepMs, timeAfter } from '../../src/store/log-time.ts';
import { day } from '../support/stream-shapes.ts';

const at = 1_000 * day;
const saidOf = (...said: readonly (readonly [from: number, days: number | null])[]): readonly KeepSaid[] =>
  said.reduce<readonly KeepSaid[]>(
    (list, [from, days]) => withSaid(list, { from: at + from * day, ms: days === null ? null : days * day }),
    [],
  );
const daysAt = (said: readonly KeepSaid[], days: number): number | null => {
  const period = periodAt(said, at + days * day);
  return period === null ? null : period / day;
};

test('the longest time of the last week is in force, the one before the first word for ever', () => {
  const rows: readonly (readonly [said: readonly KeepSaid[], expected: Readonly<Record<number, number | null>>])[] = [
    [[], { 0: null, 9: null }],
    [saidOf([0, 30]), { 0: null, 6.9: null, 7: 30, 99: 30 }],
    [saidOf([0, 30], [20, 1]), { 19: 30, 20: 30, 26.9: 30, 27: 1 }],
    [saidOf([0, 30], [20, 90]), { 19: 30, 20: 90, 99: 90 }],
    [saidOf([0, 30], [20, null]), { 19: 30, 20: null, 99: null }],
    [saidOf([0, 30], [20, 1], [21, 30]), { 20: 30, 24: 30, 99: 30 }],
    [saidOf([0, 30], [20, 90], [21, 1]), { 21: 90, 27.9: 90, 28: 1 }],
    [saidOf([0, 30], [20, null], [21, 1]), { 27.9: null, 28: 1 }],
  ];
  for (const [said, expected] of rows) {
    for (const [days, period] of Object.entries(expected))
      expect([days, daysAt(said, Number(days))]).toEqual([days, period]);
  }
});

test('however often it is changed, the list is short and the time in force no shorter for it', () => {
  let said: readonly KeepSaid[] = saidOf([0, 400]);
  for (let change = 0; change < 5_000; change += 1) {
    said = withSaid(said, { from: at + 30 * day + change, ms: ((change % 300) + 1) * day });
    expect(said.length).toBeLessThanOrEqual(64);
  }
  expect(daysAt(said, 31)).toBe(400);
  expect(daysAt(said, 38)).toBe((4_999 % 300) + 1);
  const later = withSaid(said, { from: at + 60 * day, ms: day });
  expect(later.length).toBeLessThanOrEqual(3);
});

test('a step of more than a week between two records is a leap, until the clock is back', () => {
  const steady = timeAfter(timeAfter(null, at), at + longestStepMs);
  expect(steady).toEqual({ at: at + longestStepMs, leap: null });
  const leapt = timeAfter(steady, steady.at + longestStepMs + 1);
  expect(leapt.leap).toEqual({ from: steady.at, to: steady.at + longestStepMs + 1 });
  const on = timeAfter(leapt, leapt.at + day);
  expect(on.leap).toEqual(leapt.leap);
  expect(timeAfter(on, steady.at + longestStepMs)).toMatchObject({ leap: leapt.leap });
  expect(timeAfter(on, steady.at + longestStepMs - 1).leap).toBeNull();
  expect(timeAfter(steady, at - 900 * day).leap).toBeNull();
  expect(graceMs).toBeLessThanOrEqual(longestStepMs);
});
