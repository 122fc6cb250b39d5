import { expect, test } from 'vitest';
import { archiveDuty } from '../../src/engine/duties.ts';
import { openPackSweep, type SharedPacks } from '../../src/engine/pack-sweep.ts';
import { minute, noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 60 * minute;

/** On a clock that stands still until it is told, over packs that tell what they were asked. */
function set(sweepIfDue: SharedPacks['sweepIfDue'], others: Partial<SharedPacks> = {}) {
  const clock = new VirtualClock(noon);
  const asked: number[] = [];
  const logged: unknown[][] = [];
  let isMine = true;
  const sweep = openPackSweep({
    packs: {
      sweepIfDue: (options) => {
        asked.push((options.now - noon) / minute);
        return sweepIfDue(options);
      },
      removeUnlocked: async () => 0,
      locked: async () => 0,
      ...others,
    },
    duties: { isMine: (name) => name === archiveDuty && isMine },
    clock,
    log: (level, text, facts) => void logged.push([level, text, facts]),
    warnAlso: () => undefined,
  });
  /** Lets time pass, and what it started come to its end. */
  const until = async (at: number): Promise<void> => {
    clock.runUntil(noon + at);
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  const have = (mine: boolean): void => {
    isMine = mine;
  };
  return { sweep, asked, logged, until, have };
}

test('the object storage is asked every hour, by the worker alone that has the archive, and what was swept is told', async () => {
  const { sweep, asked, logged, until, have } = set(async ({ removed }) => {
    removed(2);
    removed(1);
    return true;
  });
  expect(sweep.status(), 'nothing is known yet').toEqual({ swept: 0, lastSweptAt: null, locked: null });
  await until(3 * minute - second);
  expect(asked).toEqual([]);
  await until(3 * minute);
  expect(asked).toEqual([3]);
  expect(sweep.status()).toEqual({ swept: 3, lastSweptAt: new Date(noon + 3 * minute).toISOString(), locked: 0 });
  expect(logged).toEqual([['info', 'the object storage was swept', { removed: 3, isWhole: true }]]);
  have(false);
  expect(sweep.status(), 'another one knows it now').toMatchObject({ swept: 3, locked: null });
  await until(5 * hour);
  expect(asked).toEqual([3]);
  have(true);
  await until(5 * hour + 3 * minute);
  expect(asked).toEqual([3, 303]);
  await sweep[Symbol.asyncDispose]();
  await until(24 * hour);
  expect(asked).toHaveLength(2);
});

test('where none is due nothing is told; one that ends early says so, and is not the last sweep', async () => {
  const answers = [null, false];
  const { sweep, logged, until } = set(async () => answers.shift() ?? null);
  await until(3 * minute);
  expect(logged).toEqual([]);
  await until(hour + 3 * minute);
  expect(logged).toEqual([['info', 'the object storage was swept', { removed: 0, isWhole: false }]]);
  expect(sweep.status().lastSweptAt).toBeNull();
  await sweep[Symbol.asyncDispose]();
});

test('one that fails is logged with what it removed, and is made again an hour later', async () => {
  let passes = 0;
  const { sweep, asked, logged, until } = set(async ({ removed }) => {
    passes += 1;
    removed(passes);
    if (passes === 1) throw new Error('the gateway is away');
    return true;
  });
  await until(3 * minute);
  expect(logged).toEqual([
    ['info', 'the object storage was swept in part', { removed: 1 }],
    ['error', 'a pack sweep pass failed', { error: 'Error: the gateway is away' }],
  ]);
  expect(sweep.status()).toEqual({ swept: 1, lastSweptAt: null, locked: 0 });
  await until(hour + 3 * minute);
  expect(asked).toEqual([3, 63]);
  expect(sweep.status()).toEqual({ swept: 3, lastSweptAt: new Date(noon + 63 * minute).toISOString(), locked: 0 });
  await sweep[Symbol.asyncDispose]();
});

test('a close, and a duty that another worker takes, end the pass under way at its next step', async () => {
  let go = (): void => undefined;
  const steps: boolean[] = [];
  const { sweep, until, have } = set(async ({ isEnding }) => {
    steps.push(isEnding());
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    steps.push(isEnding());
    return !isEnding();
  });
  await until(3 * minute);
  have(false);
  go();
  await until(4 * minute);
  expect(steps).toEqual([false, true]);
  have(true);
  await until(hour + 3 * minute);
  const closing = sweep[Symbol.asyncDispose]();
  go();
  await closing;
  expect(steps).toEqual([false, true, false, true]);
});

test('what was locked goes when its lock has ended; a failure of that does not keep a sweep, nor the other way round', async () => {
  const answers = [new Error('AccessDenied'), 3];
  const removeUnlocked = async (): Promise<number> => {
    const answer = answers.shift() ?? 0;
    if (typeof answer !== 'number') throw answer;
    return answer;
  };
  const { sweep, logged, until } = set(async () => true, { removeUnlocked, locked: async () => 7 });
  await until(3 * minute);
  expect(logged).toEqual([
    ['info', 'the object storage was swept', { removed: 0, isWhole: true }],
    ['error', 'a pack sweep pass failed', { error: 'Error: AccessDenied' }],
  ]);
  expect(sweep.status().locked).toBe(7);
  await until(hour + 3 * minute);
  expect(logged).toContainEqual(['info', 'packs whose lock has ended were removed', { removed: 3 }]);
  await sweep[Symbol.asyncDispose]();
});
