import { describe, expect, test } from 'vitest';
import { afterMiss, isOfAnotherClock, scheduleOf } from '../../streams/schedule.ts';
import { journalOptions, matchingOptions, minute, noon, second } from '../support/stream-shapes.ts';

interface Case {
  readonly delayMs?: number;
  readonly attempts?: number;
  readonly extended?: boolean;
  readonly internal?: boolean;
  readonly continuity?: boolean;
}
function planOf({ delayMs = 0, attempts = 3, extended = false, internal = true, continuity = false }: Case) {
  const timing = {
    ...journalOptions,
    initialProcessDelayMs: delayMs,
    deliveryWaitAttempts: attempts,
    extendedDeduplication: extended,
  };
  const schedule = scheduleOf({ receivedAt: noon, internal }, timing, {
    ...matchingOptions,
    continuityEvent: continuity,
  });
  return { timing, schedule };
}

/** Look-ups that all miss, each run `lagMs` after it is due; `downUntil` keeps the engine away. */
function lookUps(parts: Case, { lagMs = 0, downUntil = 0, afterAttempt = 0 } = {}): readonly number[] {
  const { timing, schedule } = planOf(parts);
  const at: number[] = [];
  let item = { attempt: 0, woken: false, dueAt: schedule.attempts[0] ?? noon, deadline: schedule.deadline };
  for (let turn = 0; turn < 30; turn += 1) {
    const now = Math.max(item.dueAt + lagMs, at.length >= afterAttempt ? downUntil : 0);
    at.push(now);
    const next = afterMiss(item, schedule, timing, now);
    if (next === 'archive') return at;
    item = { ...item, ...next };
  }
  throw new Error('never archived');
}
const inSeconds = (...seconds: readonly number[]): readonly number[] => seconds.map((each) => noon + each * second);

describe('S8, S15: the schedule of journaling c.5', () => {
  const rows: readonly (readonly [string, Case, readonly number[]])[] = [
    ['delay 0, N 3', {}, inSeconds(0, 60, 120)],
    ['delay 30 s, N 3', { delayMs: 30 * second }, inSeconds(30, 90, 150)],
    ['delay 0, N 1', { attempts: 1 }, inSeconds(0)],
    ['extended, internal, delay 0, N 3', { extended: true }, inSeconds(0, 60, 120, 600)],
    ['extended, not internal', { extended: true, internal: false }, inSeconds(0, 60, 120)],
    ['extended, internal, delay 900 s', { extended: true, delayMs: 900 * second }, inSeconds(900, 960, 1020)],
    ['extended while a continuity event lasts', { extended: true, continuity: true }, inSeconds(0, 60, 120)],
    ['extended, last attempt exactly at its end', { extended: true, attempts: 11 }, inSeconds(...range(11))],
  ];
  test.each(rows)('%s is looked up at its times and archived at the last one', (_, parts, times) => {
    expect(lookUps(parts)).toEqual(times);
    expect(planOf(parts).schedule.deadline).toBe(times.at(-1));
  });

  test('look-ups that run a little late do not shift the ones after them', () => {
    expect(lookUps({}, { lagMs: 900 })).toEqual(inSeconds(0.9, 60.9, 120.9));
  });
});

describe('after a restart', () => {
  test('an overdue attempt runs at once and all later ones keep the interval from now', () => {
    expect(lookUps({ attempts: 4 }, { downUntil: noon + 300 * second })).toEqual(inSeconds(300, 360, 420, 480));
    const laterDown = { downUntil: noon + 3_600 * second, afterAttempt: 1 };
    expect(lookUps({ attempts: 4 }, laterDown)).toEqual(inSeconds(0, 3_600, 3_660, 3_720));
  });

  test('a pause that no attempt fell into shifts nothing', () => {
    expect(lookUps({}, { downUntil: noon + 59 * second, afterAttempt: 1 })).toEqual(inSeconds(0, 60, 120));
  });

  test('the extended wait ends at its absolute time, however late the attempts were', () => {
    const late = { downUntil: noon + 500 * second, afterAttempt: 1 };
    expect(lookUps({ extended: true }, late)).toEqual(inSeconds(0, 500, 560, 600));
    const tooLate = { downUntil: noon + 5_000 * second, afterAttempt: 3 };
    expect(lookUps({ extended: true }, tooLate)).toEqual(inSeconds(0, 60, 120, 5_000));
  });

  test('the deadline that is shown moves with the attempts', () => {
    const { timing, schedule } = planOf({});
    const item = { attempt: 0, woken: false, dueAt: noon, deadline: schedule.deadline };
    expect(afterMiss(item, schedule, timing, noon + 5 * minute)).toEqual({
      attempt: 1,
      dueAt: noon + 6 * minute,
      deadline: noon + 7 * minute,
    });
  });
});

test('an item of a clock that was set back since is known, and looked up no more than once beyond its attempts', () => {
  const day = 24 * 60 * minute;
  const now = noon;
  const at = (receivedAt: number, dueAt: number) => isOfAnotherClock({ receivedAt, dueAt }, now);
  expect([
    at(noon, noon),
    at(noon - 400 * day, noon - 300 * day),
    at(noon + 5 * minute, noon + 6 * minute),
  ]).not.toContain(true);
  expect([at(noon, noon + 24 * day), at(noon - 30 * day, noon + 60 * minute)]).not.toContain(true);
  expect([
    at(noon + 5 * minute + 1, noon),
    at(noon, noon + 24 * day + 1),
    at(noon - 30 * day, noon + 60 * minute + 1),
  ]).not.toContain(false);
  const { timing, schedule } = planOf({ extended: true });
  const item = { woken: false, dueAt: schedule.deadline, deadline: schedule.deadline };
  const years = noon - 3_650 * day;
  expect(afterMiss({ ...item, attempt: 2 }, schedule, timing, years)).toMatchObject({
    attempt: 3,
    dueAt: schedule.deadline,
  });
  expect(afterMiss({ ...item, attempt: 3 }, schedule, timing, years)).toBe('archive');
});

describe('a woken look-up', () => {
  test('is free: the attempt it came before still runs at its time', () => {
    const { timing, schedule } = planOf({});
    const woken = { attempt: 1, woken: true, dueAt: noon + 20 * second, deadline: schedule.deadline };
    expect(afterMiss(woken, schedule, timing, noon + 20 * second)).toMatchObject({ attempt: 1, dueAt: noon + minute });
    const again = { ...woken, dueAt: noon + 30 * second };
    expect(afterMiss(again, schedule, timing, noon + 30 * second)).toMatchObject({ attempt: 1, dueAt: noon + minute });
  });

  test('does not burn the attempts that an outage has shifted', () => {
    const { timing, schedule } = planOf({});
    const late = { attempt: 0, woken: false, dueAt: noon, deadline: schedule.deadline };
    const next = afterMiss(late, schedule, timing, noon + 5 * minute);
    if (next === 'archive') throw new Error('archived too early');
    const at = noon + 5 * minute + 10 * second;
    const woken = { ...late, ...next, woken: true, dueAt: at };
    expect(afterMiss(woken, schedule, timing, at)).toMatchObject({ attempt: 1, dueAt: noon + 6 * minute });
  });

  test('in the extended wait leaves its end where it was', () => {
    const { timing, schedule } = planOf({ extended: true });
    const at = noon + 380 * second;
    const woken = { attempt: 3, woken: true, dueAt: at, deadline: schedule.deadline };
    expect(afterMiss(woken, schedule, timing, at)).toMatchObject({ attempt: 3, dueAt: noon + 10 * minute });
    expect(afterMiss({ ...woken, woken: false, dueAt: noon + 10 * minute }, schedule, timing, noon + 10 * minute)).toBe(
      'archive',
    );
  });
});

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at * 60);
}
