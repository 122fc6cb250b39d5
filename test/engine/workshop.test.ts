import { Subject, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { createWorkshop } from '../../src/engine/workshop.ts';

function workshop() {
  // The look at the process is taken each second for ever.
  const clock = new VirtualTimeScheduler(VirtualAction, 5_000);
  const store = {
    unwritten: { bytes: 0, records: { count: 0, since: null } },
    touched$: new Subject(),
    queue: { messages: 0, bytes: 0 },
    recovery: { damaged: [] },
  };
  const live = { current: { limits: { queueMessages: 10, queueBytes: 10 }, matching: {} } };
  const parts = { store, live, clock, log: () => undefined } as unknown as Parameters<typeof createWorkshop>[0];
  return { clock, shop: createWorkshop(parts) };
}

test('trouble of one line is told with since when, and is over when that line goes on; another one’s stays', () => {
  const { clock, shop } = workshop();
  const told = () => shop.warnings().map(({ code, text, since }) => [code, text, Date.parse(since)]);
  for (const [at, line, detail] of [
    [10, 'definition a', 'no space'],
    [20, 'definition b', 'no disk'],
    [30, 'definition a', 'still no space'],
  ] as const) {
    clock.schedule(() => shop.troubled(line, detail), at);
  }
  clock.flush();
  expect(told()).toEqual([
    ['storage', 'still no space', 10],
    ['storage', 'no disk', 20],
  ]);
  shop.troubled('definition a', null);
  expect(told()).toEqual([['storage', 'no disk', 20]]);
});
