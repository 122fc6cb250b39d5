import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SpoolItem } from '../../streams/message.ts';
import { afterMiss, scheduleOf } from '../../streams/schedule.ts';
import { journalOptions, matchingOptions, noon } from './fixtures.ts';

const moments = fc.array(
  fc.record({
    /** How late the look-up runs. */
    lateMs: fc.nat(400_000),
    /** Where between two look-ups a wake comes, or null. */
    wakeAfter: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  { minLength: 1, maxLength: 12 },
);
const settings = fc.record({
  deliveryWaitAttempts: fc.integer({ min: 1, max: 6 }),
  deliveryWaitIntervalMs: fc.constantFrom(100, 1_000, 60_000),
  initialProcessDelayMs: fc.constantFrom(0, 30_000),
  extendedDeduplication: fc.boolean(),
});

test('whatever runs late or wakes, an item has its N look-ups and ends, and no attempt is burnt in a burst', () => {
  fc.assert(
    fc.property(settings, moments, (given, fates) => {
      const timing = { ...journalOptions, ...given };
      const schedule = scheduleOf({ receivedAt: noon, internal: true }, timing, matchingOptions);
      type Waiting = Pick<SpoolItem, 'attempt' | 'woken' | 'dueAt' | 'deadline'>;
      let item: Waiting = { attempt: 0, woken: false, dueAt: schedule.attempts[0]!, deadline: schedule.deadline };
      for (let round = 0; round < 200; round += 1) {
        const { lateMs, wakeAfter } = fates[round] ?? { lateMs: 0, wakeAfter: null };
        const now = item.woken ? item.dueAt : item.dueAt + lateMs;
        const next = afterMiss(item, schedule, timing, now);
        if (next === 'archive') {
          if (schedule.extendedAt === null) expect(item.attempt + 1).toBe(given.deliveryWaitAttempts);
          else expect(now).toBeGreaterThanOrEqual(schedule.extendedAt);
          return;
        }
        expect(next.dueAt).toBeGreaterThanOrEqual(now);
        expect(next.deadline).toBeGreaterThanOrEqual(next.dueAt);
        expect(next.attempt - item.attempt).toBeLessThanOrEqual(1);
        if (wakeAfter === null || item.woken) item = { ...next, woken: false };
        else item = { ...next, woken: true, dueAt: Math.floor(now + (next.dueAt - now) * wakeAfter) };
      }
      throw new Error('an item that is never archived');
    }),
    { numRuns: 400 },
  );
});

describe('an item that is late', () => {
  const timing = { ...journalOptions, extendedDeduplication: true };
  const extended = scheduleOf({ receivedAt: noon, internal: true }, timing, matchingOptions);
  const plain = scheduleOf({ receivedAt: noon, internal: false }, timing, matchingOptions);
  const minutes = (count: number): number => noon + count * 60_000;

  test('in its extended wait is looked up at the end of it, not an interval after', () => {
    const overdue = { attempt: 0, woken: false, dueAt: noon, deadline: extended.deadline };
    const end = { attempt: 1, dueAt: minutes(10), deadline: minutes(10) };
    expect(afterMiss(overdue, extended, timing, minutes(9.5))).toEqual(end);
    expect(afterMiss({ ...overdue, ...end }, extended, timing, minutes(10))).toBe('archive');
  });

  test('has made its attempt when a wake comes at the time of it', () => {
    const woken = { attempt: 1, woken: true, dueAt: minutes(1), deadline: plain.deadline };
    const next = { attempt: 2, dueAt: minutes(2), deadline: minutes(2) };
    expect(afterMiss(woken, plain, timing, minutes(1))).toEqual(next);
    expect(afterMiss({ ...woken, attempt: 2, dueAt: minutes(2) }, plain, timing, minutes(2))).toBe('archive');
  });
});
