import { BehaviorSubject, Subject, throwError } from 'rxjs';
import { expect, test } from 'vitest';
import { type ProcessingSetup, processingNews } from '../../src/engine/pipelines.ts';
import type { Touched } from '../../src/store/fold.ts';
import type { StoreHealth } from '../../src/store/reopening-store.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { VirtualClock } from '../support/virtual-time.ts';

/** The line of a definition to which no mail comes, on a store that fails while `broken`. */
function quietLine() {
  const clock = new VirtualClock(0);
  const state = { broken: true };
  const due = () =>
    state.broken ? throwError(() => new EngineFailure('store-failed', 'no disk')) : [{ items: [], nextDueAt: null }];
  const health$ = new BehaviorSubject<StoreHealth>({ open: true, since: 0, detail: null });
  const setup = { ports: { spool: { due } }, matching: {}, optionsFor: () => ({}) } as unknown as ProcessingSetup;
  const troubles: (string | null)[] = [];
  const news$ = processingNews('exchange', {
    store: { touched$: new Subject<Touched>(), health$ },
    ...{ setup, clock, whose: 'all' },
    troubled: (detail) => void troubles.push(detail),
  });
  return { clock, state, health$, troubles, line: news$.subscribe() };
}

test('trouble of a store that is open again is over within a second, though no mail comes', () => {
  const { clock, state, health$, troubles, line } = quietLine();
  clock.runUntil(10_000);
  const failed = 'the store could not write: no disk';
  expect(troubles).toEqual([failed, failed]);
  state.broken = false;
  health$.next({ open: true, since: 10_000, detail: null });
  clock.runUntil(11_000);
  expect(troubles.slice(2)).toEqual([null]);
  line.unsubscribe();
});

test('trouble of a line that ends, as when its definition is suspended, is over', () => {
  const { clock, troubles, line } = quietLine();
  clock.runUntil(500);
  line.unsubscribe();
  expect(troubles).toEqual(['the store could not write: no disk', null]);
});
