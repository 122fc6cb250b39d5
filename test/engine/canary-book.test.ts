import { expect, test } from 'vitest';
import {
  type CanaryState,
  came,
  canaryWarnings,
  heard,
  isDue,
  isOverdue,
  judged,
  newCanary,
  ofThisClock,
  refused,
  resumed,
  sending,
  standingOf,
  taken,
} from '../../src/engine/canary-book.ts';

const minute = 60_000;
const noon = Date.UTC(2026, 10, 30, 12);
const times = { intervalMs: 60 * minute, limitMs: 10 * minute };
const fresh = newCanary('mx:25 a b', noon);
const sent = (state: CanaryState, id: string, at: number): CanaryState =>
  taken(sending(state, id, times, at), id, times, at);
const missed = (state: CanaryState, id: string, at: number): CanaryState =>
  judged(sent(state, id, at), at + 10 * minute + 1);
const codesOf = (state: CanaryState) => canaryWarnings(state, times).map(({ code }) => code);

test('the first goes out at once, the next an interval after it, none while one is under way or nobody listens', () => {
  expect([isDue(fresh, true, noon), isDue(fresh, false, noon)]).toEqual([true, false]);
  const first = sent(fresh, '<1>', noon);
  expect(isDue(first, true, noon + 61 * minute)).toBe(false);
  const back = came(first, '<1>', noon + 1);
  expect([59, 60].map((at) => isDue(back, true, noon + at * minute))).toEqual([false, true]);
});

test('what was sent or planned by a clock that has been set back since holds no canary up', () => {
  const years = 10 * 365 * 24 * 60 * minute;
  const ahead = sent(missed(fresh, '<0>', noon), '<1>', noon + years);
  expect(ofThisClock(ahead, times, noon + years)).toBe(ahead);
  const right = ofThisClock(ahead, times, noon + 20 * minute);
  expect([isDue(ahead, true, noon + 20 * minute), isDue(right, true, noon + 20 * minute)]).toEqual([false, true]);
  expect([right.missed, right.underWay]).toEqual([1, null]);
  const passed = ofThisClock(came(ahead, '<1>', noon + years + 1), times, noon + 20 * minute);
  expect([passed.last, isDue(passed, true, noon + 20 * minute)]).toEqual([null, true]);
  expect(standingOf(missed(passed, '<2>', noon + 20 * minute))).toBe('missing');
  // Put right by a few seconds.
  const close = sent(fresh, '<1>', noon + 30_000);
  expect(ofThisClock(close, times, noon)).toBe(close);
});

test('one that comes within the limit has passed, at its very end too', () => {
  for (const at of [noon, noon + 10 * minute]) {
    const state = came(sent(fresh, '<1>', noon), '<1>', at);
    expect([standingOf(state), state.missed, state.came, codesOf(state)]).toEqual(['passed', 0, 1, []]);
  }
});

test('one that does not come within it is missing, and is warned of since it was due', () => {
  const waiting = sent(fresh, '<1>', noon);
  expect(isOverdue(waiting, noon + 10 * minute)).toBe(false);
  expect(judged(waiting, noon + 10 * minute)).toBe(waiting);
  const state = missed(fresh, '<1>', noon);
  expect([standingOf(state), state.missed]).toEqual(['missing', 1]);
  expect(canaryWarnings(state, times)).toEqual([
    {
      code: 'canary-missing',
      text: 'the canary sent at 2026-11-30 12:00 UTC: no journal copy came within 10 min, so mail may be delivered there without being journaled',
      since: noon + 10 * minute,
    },
  ]);
  const twice = missed(state, '<2>', noon + 60 * minute);
  expect(canaryWarnings(twice, times)).toMatchObject([
    { text: expect.stringMatching(/^2 canaries in a row, the last of them sent at 2026-11-30 13:00/) },
  ]);
  expect(twice.missedSince).toBe(noon + 10 * minute);
});

test('a late one ends the row and is warned of as late, until one comes in time', () => {
  const state = came(missed(fresh, '<1>', noon), '<1>', noon + 25 * minute);
  expect([standingOf(state), state.missed]).toEqual(['late', 0]);
  expect(canaryWarnings(state, times)).toMatchObject([
    { code: 'canary-late', text: expect.stringContaining('took 25 min; 10 min are allowed') },
  ]);
  const next = came(sent(state, '<2>', noon + 60 * minute), '<2>', noon + 61 * minute);
  expect([standingOf(next), codesOf(next)]).toEqual(['passed', []]);
});

test('what came after a newer one says nothing of now, and one that is still missing stays so', () => {
  const both = missed(missed(fresh, '<1>', noon), '<2>', noon + 60 * minute);
  const older = came(both, '<1>', noon + 90 * minute);
  expect([older.missed, older.missedSince, standingOf(older)]).toEqual([1, noon + 70 * minute, 'missing']);
  const newer = came(both, '<2>', noon + 90 * minute);
  expect([newer.missed, came(newer, '<1>', noon + 95 * minute).last]).toEqual([0, newer.last]);
});

test('a second copy, and a canary that nobody knows, change nothing', () => {
  const state = came(sent(fresh, '<1>', noon), '<1>', noon + 1);
  expect(came(state, '<1>', noon + 2)).toBe(state);
  expect(came(state, '<x>', noon + 2)).toBe(state);
});

test('its copy may come before the server has said that it took it', () => {
  const early = came(sending(fresh, '<1>', times, noon), '<1>', noon + 1);
  const state = taken(early, '<1>', times, noon + 2);
  expect([state.sent, state.came, state.underWay, standingOf(state)]).toEqual([1, 1, null, 'passed']);
});

test('a server that takes none is warned of from the first refusal on, and tried again within five minutes', () => {
  const once = refused(sending(fresh, '<1>', times, noon), 'connection refused', times, noon);
  expect([standingOf(once), once.nextAt, once.sent]).toEqual(['unsent', noon + 5 * minute, 0]);
  const twice = refused(sending(once, '<2>', times, noon + 5 * minute), 'no such user', times, noon + 5 * minute);
  expect(canaryWarnings(twice, times)).toEqual([
    {
      code: 'canary-unsent',
      text: 'the canary cannot be sent (no such user): until then it says nothing of journaling',
      since: noon,
    },
  ]);
  expect(codesOf(sent(twice, '<3>', noon + 10 * minute))).toEqual([]);
});

test('a missing one stays missing while the server takes no more: nothing has shown that mail is journaled', () => {
  const state = missed(fresh, '<1>', noon);
  const after = refused(sending(state, '<2>', times, noon + 60 * minute), 'gone', times, noon + 60 * minute);
  expect([standingOf(after), codesOf(after)]).toEqual(['missing', ['canary-missing', 'canary-unsent']]);
});

test('the limit does not run while nobody listens', () => {
  const paused = heard(sent(fresh, '<1>', noon), false, noon + 4 * minute);
  expect(isOverdue(paused, noon + 99 * minute)).toBe(false);
  const again = heard(paused, true, noon + 64 * minute);
  expect(again.underWay?.dueAt).toBe(noon + 70 * minute);
  expect([isOverdue(again, noon + 70 * minute), isOverdue(again, noon + 70 * minute + 1)]).toEqual([false, true]);
});

test('after a restart one that the server had has its limit again, one that it had not is sent anew', () => {
  const waiting = resumed(sent(fresh, '<1>', noon), times, noon + 30 * minute);
  expect(waiting.underWay?.dueAt).toBe(noon + 40 * minute);
  const unsure = resumed(sending(fresh, '<1>', times, noon), times, noon + minute);
  expect([unsure.underWay, isDue(unsure, true, noon + minute)]).toEqual([null, true]);
  const state = missed(fresh, '<1>', noon);
  expect(resumed(state, times, noon + 30 * minute)).toBe(state);
});

test('no more than sixteen missing ones are remembered', () => {
  let state = fresh;
  for (let n = 0; n < 20; n += 1) state = missed(state, `<${n}>`, noon + n * 60 * minute);
  expect([state.missing.length, state.missing[0]?.messageId, state.missed]).toEqual([16, '<4>', 20]);
});
