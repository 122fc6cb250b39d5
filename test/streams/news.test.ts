import { test } from 'vitest';
import type { Settlement } from '../../streams/message.ts';
import { foldSettled } from '../../streams/news.ts';
import { marbles } from '../support/virtual-time.ts';

const settlement = (intakeId: string): Settlement => ({
  intakeId,
  definitionId: 'exchange',
  outcome: 'archived',
  reason: null,
  entryId: intakeId,
  level: 'L0',
  at: 0,
});
const told = (at: number, ...ids: string[]) =>
  ({ type: 'processing.settled', at, settlements: ids.map(settlement) }) as const;
const failed = { type: 'processing.failed', at: 0 } as const;

test('the first is told at once, the rest of its second together at the end of it', () => {
  const time = marbles();
  time.run(({ hot, expectObservable }) => {
    const source$ = hot('5ms a 99ms b 99ms c 3s d', {
      a: told(0, 'a'),
      b: told(0, 'b'),
      c: told(0, 'c'),
      d: told(0, 'd'),
    });
    const values = { a: told(5, 'a'), m: told(1_005, 'b', 'c'), d: told(3_206, 'd') };
    expectObservable(source$.pipe(foldSettled(time)), '^ 5s !').toBe('5ms a 999ms m 2200ms d', values);
  });
});

test('a steady flow is told once a second', () => {
  const time = marbles();
  time.run(({ hot, expectObservable }) => {
    const source$ = hot('a 599ms b 599ms c 599ms d', {
      a: told(0, 'a'),
      b: told(0, 'b'),
      c: told(0, 'c'),
      d: told(0, 'd'),
    });
    const values = { a: told(0, 'a'), b: told(1_000, 'b'), c: told(2_000, 'c', 'd') };
    expectObservable(source$.pipe(foldSettled(time)), '^ 5s !').toBe('a 999ms b 999ms c', values);
  });
});

test('other news pass at once, after what was held back; the end holds nothing back', () => {
  const time = marbles();
  time.run(({ hot, expectObservable }) => {
    const source$ = hot('a-b-f--b--|', { a: told(0, 'a'), b: told(0, 'b'), f: failed });
    const values = { a: told(0, 'a'), b: told(4, 'b'), f: failed, e: told(10, 'b') };
    expectObservable(source$.pipe(foldSettled(time))).toBe('a---(bf)--(e|)', values);
  });
});
