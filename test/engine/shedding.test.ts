import { describe, expect, test } from 'vitest';
import { type ProcessLoad, processLoad } from '../../src/engine/process-load.ts';
import { admissionOf, createShedding, overload, sheddingBounds } from '../../src/engine/shedding.ts';
import type { Unwritten } from '../../src/store/open-store.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const noon = Date.UTC(2026, 10, 25, 12);
const calm: ProcessLoad = { loopDelayMs: 0, memoryShare: 0, descriptors: null };
const idle: Unwritten = { bytes: 0, records: { count: 0, since: null } };
const { unwrittenBytes, waitingRecords, waitingMs, loopDelayMs, memoryShare } = sheddingBounds;

describe('the rule', () => {
  const why = (unwritten: Partial<Unwritten>, load: Partial<ProcessLoad> = {}, onTheWay = 1) =>
    overload({ ...idle, ...unwritten }, { ...calm, ...load }, { now: noon, onTheWay });
  const waitsForBodies = (bodySince: number): Unwritten['records'] => ({
    count: waitingRecords,
    since: noon - waitingMs,
    bodySince,
  });

  test.each([
    ['nothing is too much', why({}), null],
    ['bytes below the budget', why({ bytes: unwrittenBytes - 1 }), null],
    ['bytes at it', why({ bytes: unwrittenBytes }), 'in-flight'],
    ['records below the bound', why({ records: { count: waitingRecords - 1, since: noon } }), null],
    ['records at it', why({ records: { count: waitingRecords, since: noon } }), 'commit-queue'],
    ['an old record, not too old', why({ records: { count: 1, since: noon - waitingMs } }), null],
    ['one too old', why({ records: { count: 1, since: noon - waitingMs - 1 } }), 'commit-queue'],
    ['a body not too old', why({ records: waitsForBodies(noon - waitingMs) }), 'commit-queue'],
    ['one too old', why({ records: waitsForBodies(noon - waitingMs - 1) }), 'object-storage'],
    ['turns that come late', why({}, { loopDelayMs }), 'event-loop'],
    ['turns in time', why({}, { loopDelayMs: loopDelayMs - 1 }), null],
    ['memory', why({}, { memoryShare }), 'memory'],
    ['less of it', why({}, { memoryShare: memoryShare - 0.01 }), null],
  ] as const)('%s', (_, found, expected) => expect(found).toBe(expected));

  test('who is too busy says so, and who cannot store mail says that', () => {
    expect([admissionOf(null), admissionOf('object-storage'), admissionOf('commit-queue')]).toEqual([
      'ok',
      'failed',
      'overloaded',
    ]);
  });

  test('one message at a time is taken whatever the figures of the process are, but not for a disk that is stuck', () => {
    const all = { loopDelayMs: 9_999, memoryShare: 1 };
    expect(why({ bytes: unwrittenBytes }, all, 0)).toBe(null);
    expect(why({ records: { count: 1, since: noon - waitingMs - 1 } }, all, 0)).toBe('commit-queue');
  });
});

/** Shedding whose figures a test sets, with what it writes into the event log. */
function set() {
  const clock = new VirtualClock(noon);
  const figures = { unwritten: idle, load: calm };
  const events: EventDraft[] = [];
  const shedding = createShedding({
    unwritten: () => figures.unwritten,
    load: () => figures.load,
    note: (draft) => events.push(draft),
    clock,
  });
  return {
    shedding,
    figures,
    events,
    pass: (ms: number) => clock.runUntil(clock.now() + ms),
    said: () => events.map(({ type, severity }) => `${type} ${severity}`),
  };
}

test('what is put off is counted by reason, and said once until it has been quiet for a while', () => {
  const { shedding, figures, events, pass, said } = set();
  expect([shedding.putOff(5), shedding.overloaded]).toEqual([null, null]);
  figures.unwritten = { ...idle, bytes: unwrittenBytes };
  for (let n = 0; n < 3; n += 1) expect(shedding.putOff(5)).toBe('in-flight');
  figures.unwritten = idle;
  figures.load = { ...calm, memoryShare: 0.9 };
  expect(shedding.putOff(5), 'not looked at yet').toBe(null);
  pass(1_000);
  expect(shedding.putOff(5)).toBe('memory');
  expect([...shedding.counts]).toEqual([
    ['in-flight', 3],
    ['memory', 1],
  ]);
  expect(shedding.overloaded).toEqual({ since: noon, reasons: ['in-flight', 'memory'] });
  figures.load = calm;
  pass(9_000);
  expect([shedding.putOff(5), shedding.overloaded?.since, said()]).toEqual([null, noon, ['overload.begun warning']]);
  pass(3_000);
  expect(shedding.overloaded).toBe(null);
  expect(said()).toEqual(['overload.begun warning', 'overload.ended info']);
  expect(events[1]?.data).toEqual({ reasons: ['in-flight', 'memory'], putOff: { 'in-flight': 3, memory: 1 } });
});

test('an overload shows though nobody sends', () => {
  const { shedding, figures, pass } = set();
  figures.load = { ...calm, loopDelayMs: 600 };
  pass(1_000);
  expect(shedding.overloaded?.reasons).toEqual(['event-loop']);
});

test('sockets that came since the last look count, and what is left gets less in two steps', () => {
  const { shedding, figures, pass } = set();
  const { sockets } = shedding;
  expect(sockets.left()).toBe('enough');
  figures.load = { ...calm, descriptors: { open: 60, limit: 100 } };
  pass(1_000);
  const take = (count: number): void => {
    for (let n = 0; n < count; n += 1) sockets.taken();
  };
  take(9);
  expect(sockets.left()).toBe('enough');
  take(1);
  expect(sockets.left()).toBe('few');
  take(15);
  expect(sockets.left()).toBe('none');
  sockets.gone();
  expect(sockets.left()).toBe('few');
  sockets.refused();
  expect([...shedding.counts]).toEqual([['descriptors', 1]]);
  figures.load = { ...calm, descriptors: { open: 20, limit: 100 } };
  pass(1_000);
  expect(sockets.left(), 'counted anew').toBe('enough');
});

test('this process has descriptors below its limit, and a heap below its own', () => {
  using look = processLoad();
  const { loopDelayMs: delay, memoryShare: share, descriptors } = look();
  expect(delay).toBeLessThan(loopDelayMs);
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(memoryShare);
  if (process.platform !== 'linux') return;
  expect(descriptors?.open).toBeGreaterThan(3);
  expect(descriptors?.open).toBeLessThan(descriptors?.limit ?? 0);
});
