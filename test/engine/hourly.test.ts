import { expect, test } from 'vitest';
import { failingToTellMs, openHourly } from '../../src/engine/hourly.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { minute, noon } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 60 * minute;

function set() {
  const clock = new VirtualClock(noon);
  const world = { error: null as Error | null, isMine: true, passes: 0 };
  let warnings = (): Status['warnings'] => [];
  const opened = openHourly({
    ...{ name: 'retention', firstMs: minute, clock, log: () => undefined },
    pass: async () => {
      world.passes += 1;
      if (world.error !== null) throw world.error;
    },
    isMine: () => world.isMine,
    warnAlso: (more) => {
      warnings = more;
    },
  });
  const until = async (at: number): Promise<Status['warnings']> => {
    // Each pass comes to its end before the next.
    while (clock.now() < noon + at) {
      clock.runUntil(Math.min(clock.now() + hour, noon + at));
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    }
    return warnings();
  };
  return { world, opened, until };
}

test('passes that fail for six hours are a warning, since the first of them, until one does not', async () => {
  const { world, opened, until } = set();
  expect(await until(minute)).toEqual([]);
  world.error = new Error('the disk is gone');
  await until(2 * hour);
  world.error = new Error('EACCES');
  expect(world.passes).toBe(2);
  expect(await until(hour + minute + failingToTellMs - 1)).toEqual([]);
  expect(await until(hour + minute + failingToTellMs)).toEqual([
    {
      code: 'upkeep-failing',
      text: 'each retention pass since 2026-03-02 13:01 UTC has failed: EACCES',
      since: '2026-03-02T13:01:00.000Z',
    },
  ]);
  world.error = null;
  expect(await until(9 * hour)).toEqual([]);
  world.error = new Error('again');
  expect(await until(9 * hour + failingToTellMs), 'since the first after it went well').toEqual([]);
  await opened[Symbol.asyncDispose]();
});

test('who has the duty no more does not warn of it', async () => {
  const { world, opened, until } = set();
  world.error = new Error('EACCES');
  expect(await until(minute + failingToTellMs)).toHaveLength(1);
  world.isMine = false;
  expect(await until(2 * minute + failingToTellMs + hour)).toEqual([]);
  world.isMine = true;
  expect(await until(3 * hour + failingToTellMs), 'it begins anew').toEqual([]);
  await opened[Symbol.asyncDispose]();
});
