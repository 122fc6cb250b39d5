import { Subject } from 'rxjs';
import { expect, test } from 'vitest';
import { openHistory } from '../../src/engine/history.ts';
import type { Figures } from '../../streams/figures.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const minuteMs = 60_000;
/** Twenty seconds into a minute. */
const startAt = Date.UTC(2026, 0, 31, 8, 0, 20);

function rig() {
  const clock = new VirtualClock(startAt);
  const changed$ = new Subject<void>();
  const figures = new Map<string, Partial<Figures>>();
  const none = { received: 0, archived: 0, matched: 0, skipped: 0, held: 0, quarantined: 0 };
  const store = { figuresOf: (id: string) => ({ ...none, ...figures.get(id) }) as Figures };
  const book = { all: () => [...figures.keys()].map((id) => ({ id })) as never, changed$ };
  figures.set('exchange', { received: 100, archived: 90 });
  const history = openHistory({ store, book, clock });
  const set = (id: string, changed: Partial<Figures>): void => {
    const isNew = !figures.has(id);
    figures.set(id, { ...figures.get(id), ...changed });
    if (isNew) changed$.next();
  };
  const of = (id: string) => history.read().items.find(({ definition }) => definition === id);
  return { clock, figures, changed$, history, set, of };
}
const tail = (series: readonly number[] | undefined, count: number) => series?.slice(-count);

test('what came before the engine started is not counted, and a definition without mail is left out', () => {
  const { history, of, set } = rig();
  expect(history.read()).toEqual({
    from: '2026-01-31T07:01:00.000Z',
    watchedSince: '2026-01-31T08:00:20.000Z',
    items: [],
  });
  set('exchange', { received: 103 });
  expect(of('exchange')?.received).toHaveLength(60);
  expect(tail(of('exchange')?.received, 2)).toEqual([0, 3]);
});

test('each minute keeps its own count, and the minute under way is never behind', () => {
  const { clock, of, set } = rig();
  set('exchange', { received: 105, archived: 91, matched: 2, held: 3 });
  clock.runUntil(startAt + minuteMs);
  set('exchange', { received: 109 });
  clock.runUntil(startAt + 2 * minuteMs);
  set('exchange', { received: 110 });
  expect(tail(of('exchange')?.received, 4)).toEqual([0, 5, 4, 1]);
  expect(tail(of('exchange')?.archived, 3)).toEqual([1, 0, 0]);
  expect(tail(of('exchange')?.matched, 3)).toEqual([2, 0, 0]);
  expect(tail(of('exchange')?.setAside, 3)).toEqual([3, 0, 0]);
});

test('a minute is forgotten after an hour, and its place is empty for the next', () => {
  const { clock, of, set } = rig();
  set('exchange', { received: 107 });
  clock.runUntil(startAt + 59 * minuteMs);
  expect(of('exchange')?.received[0]).toBe(7);
  clock.runUntil(startAt + 60 * minuteMs);
  expect(of('exchange')).toBeUndefined();
  set('exchange', { received: 108 });
  clock.runUntil(startAt + 90 * minuteMs);
  const received = of('exchange')?.received ?? [];
  expect(received.reduce((sum, each) => sum + each)).toBe(1);
});

test('minutes that a sleeping machine missed are empty', () => {
  const { clock, of, set } = rig();
  set('exchange', { received: 104 });
  // Nothing runs in between: the next look comes seven minutes later.
  clock.frame += 7 * minuteMs;
  expect(tail(of('exchange')?.received, 8)).toEqual([4, 0, 0, 0, 0, 0, 0, 0]);
});

test('a minute that a sleeping machine missed does not show what was there an hour before', () => {
  const { clock, of, set } = rig();
  for (let minute = 1; minute <= 55; minute += 1) {
    set('exchange', { received: 100 + minute });
    clock.runUntil(startAt + minute * minuteMs);
  }
  clock.frame += 30 * minuteMs;
  const received = of('exchange')?.received ?? [];
  expect(received.slice(0, 29).every((count) => count === 1)).toBe(true);
  expect(received.slice(31)).toEqual(Array.from({ length: 29 }, () => 0));
});

test('what is released lowers no count, a new definition counts from its making, one that is gone is forgotten', () => {
  const { clock, of, set, figures, changed$ } = rig();
  set('exchange', { held: 5 });
  clock.runUntil(startAt + minuteMs);
  set('exchange', { held: 1 });
  expect(tail(of('exchange')?.setAside, 2)).toEqual([5, 0]);
  set('mailbox', { received: 40 });
  set('mailbox', { received: 42 });
  expect(tail(of('mailbox')?.received, 2)).toEqual([0, 2]);
  figures.delete('mailbox');
  changed$.next();
  expect(of('mailbox')).toBeUndefined();
});
