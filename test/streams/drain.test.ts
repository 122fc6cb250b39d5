import { map, mergeMap, type OperatorFunction, of } from 'rxjs';
import { expect, test } from 'vitest';
import { drain } from '../../streams/drain.ts';
import type { SpoolItem } from '../../streams/message.ts';
import type { DueWindow, Spool } from '../../streams/spool.ts';
import { MemoryStore } from '../support/memory-spool.ts';
import { marbles, VirtualClock } from '../support/virtual-time.ts';
import { spoolItem } from './fixtures.ts';

const options = { definitionId: 'exchange', window: 2, idleMs: 1_000 };
const names: OperatorFunction<readonly SpoolItem[], string> = map((items) =>
  items.map(({ intakeId }) => intakeId).join(''),
);

/** Answers each read with the next window, then with empty ones. */
function scripted(windows: readonly DueWindow[], reads: number[], now: () => number): Pick<Spool, 'due'> {
  return {
    due: () => {
      reads.push(now());
      return of(windows[reads.length - 1] ?? { items: [], nextDueAt: null });
    },
  };
}
const window = (...ids: string[]): DueWindow => ({ items: ids.map((id) => spoolItem(id)), nextDueAt: null });

test('the next window is read when the stage has completed the last one', () => {
  const time = marbles();
  time.run(({ cold, hot, expectObservable }) => {
    const reads: number[] = [];
    const spool = scripted([window('a', 'b'), window('c')], reads, () => time.now());
    const slow: OperatorFunction<readonly SpoolItem[], string> = mergeMap(
      (items) => cold('5ms (x|)', { x: items.map(({ intakeId }) => intakeId).join('') }),
      1,
    );
    const drained$ = drain(spool, slow, { wake$: hot('-'), clock: time }, options);
    expectObservable(drained$, '^ 20ms !').toBe('5ms x 4ms y', { x: 'ab', y: 'c' });
    time.schedule(() => expect(reads).toEqual([0, 5, 10]), 20);
  });
});

test('with nothing due it rests for idleMs, and a wake ends the rest', () => {
  const time = marbles();
  time.run(({ hot, expectObservable, expectSubscriptions }) => {
    const reads: number[] = [];
    const spool = scripted([], reads, () => time.now());
    const wake$ = hot('1300ms w');
    expectObservable(drain(spool, names, { wake$, clock: time }, options), '^ 2500ms !').toBe('-');
    expectSubscriptions(wake$.subscriptions).toBe([
      '^ 999ms !',
      '1s ^ 299ms !',
      '1300ms ^ 999ms !',
      '2300ms ^ 200ms !',
    ]);
    time.schedule(() => expect(reads).toEqual([0, 1_000, 1_300, 2_300]), 2_400);
  });
});

test('it rests no longer than until the next item is due', () => {
  const clock = new VirtualClock();
  const reads: number[] = [];
  const spool = scripted(
    [
      { items: [], nextDueAt: 250 },
      { items: [], nextDueAt: 5_000 },
    ],
    reads,
    () => clock.now(),
  );
  const running = drain(spool, names, { wake$: of(), clock }, options).subscribe();
  clock.runUntil(1_300);
  running.unsubscribe();
  expect(reads).toEqual([0, 250, 1_250]);
});

test('what became due during the read is read soon, without spinning', () => {
  const clock = new VirtualClock(100);
  const reads: number[] = [];
  const spool: Pick<Spool, 'due'> = {
    due: () => {
      if (reads.push(clock.now()) > 100) throw new Error('it spins');
      return of({ items: [], nextDueAt: 100 });
    },
  };
  const running = drain(spool, names, { wake$: of(), clock }, options).subscribe();
  clock.runUntil(150);
  running.unsubscribe();
  expect(reads.length).toBeGreaterThan(1);
});

test('a wake that comes during the read counts', () => {
  const time = marbles();
  time.run(({ cold, hot, expectObservable }) => {
    const spool: Pick<Spool, 'due'> = {
      due: (_, now) => cold('4ms (x|)', { x: now === 0 ? { items: [], nextDueAt: null } : window('a') }),
    };
    const once: OperatorFunction<readonly SpoolItem[], string> = mergeMap(() => cold('5s (a|)'), 1);
    // Read 0 – 4 ms finds nothing, the wake at 2 ms was for it: the second read begins at once.
    expectObservable(drain(spool, once, { wake$: hot('--w'), clock: time }, options), '^ 5500ms !').toBe('5008ms a');
  });
});

test('it holds one window at a time, of as many items as the options say', () => {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock });
  for (const id of ['a', 'b', 'c', 'd', 'e']) store.items.set(id, spoolItem(id, { dueAt: 0 }));
  const windows: string[] = [];
  const settle: OperatorFunction<readonly SpoolItem[], string> = mergeMap((items) => {
    for (const { intakeId } of items) store.items.delete(intakeId);
    return of(items.map(({ intakeId }) => intakeId).join(''));
  }, 1);
  const running = drain(store.spool, settle, { wake$: store.wake$('exchange'), clock }, options).subscribe((each) =>
    windows.push(each),
  );
  clock.runUntil(10);
  running.unsubscribe();
  expect(windows).toEqual(['ab', 'cd', 'e']);
});
