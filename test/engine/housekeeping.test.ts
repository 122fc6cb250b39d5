import { expect, test } from 'vitest';
import { openHousekeeping } from '../../src/engine/housekeeping.ts';
import type { Housekeeping } from '../../src/store/housekeeping.ts';
import { day, minute, noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 60 * minute;
const startedAt = noon;
const midnight = noon + 12 * hour;

/** Housekeeping on a clock that stands still until it is told, over a store that tells what it was asked. */
function set(members: Partial<Housekeeping> = {}) {
  const clock = new VirtualClock(startedAt);
  const asked: string[] = [];
  const logged: string[] = [];
  const since = (at: number): string => `${(at - noon) / minute} min`;
  const housekeeping: Housekeeping = {
    purgeSkipped: async (now, limit) => asked.push(`purge ${limit} at ${since(now)}`) * 0,
    dropPurged: async (before, limit) => asked.push(`drop ${limit} before ${since(before)}`) * 0,
    summariseHeld: async (now) => void asked.push(`summarise at ${since(now)}`),
    ...members,
  };
  const log = (level: string, text: string): void => void logged.push(`${level} ${text}`);
  const opened = openHousekeeping({ store: { housekeeping }, clock, log, warnAlso: () => undefined });
  /** Lets time pass, and what it started come to its end. */
  const until = async (at: number): Promise<void> => {
    clock.runUntil(at);
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
  };
  return { asked, logged, until, opened };
}

test('a pass comes a minute after the start and then every hour, at absolute times', async () => {
  const { asked, until, opened } = set();
  await until(startedAt + minute - second);
  expect(asked).toEqual([]);
  await until(startedAt + minute);
  expect(asked).toEqual(['summarise at 1 min', 'purge 500 at 1 min', `drop 20000 before ${-12 * 60} min`]);
  await until(startedAt + 61 * minute - second);
  expect(asked).toHaveLength(3);
  await until(startedAt + 61 * minute);
  expect(asked.slice(3)).toContain('purge 500 at 61 min');
  await opened[Symbol.asyncDispose]();
  await until(startedAt + day);
  expect(asked).toHaveLength(6);
});

test('what was purged on one day leaves the disk after midnight (UTC)', async () => {
  const { asked, until, opened } = set();
  for (let passes = 0; passes < 13; passes += 1) await until(startedAt + minute + passes * hour);
  const drops = asked.filter((each) => each.startsWith('drop'));
  expect(new Set(drops)).toEqual(
    new Set([`drop 20000 before ${-12 * 60} min`, `drop 20000 before ${(midnight - noon) / minute} min`]),
  );
  await opened[Symbol.asyncDispose]();
});

test('a pass goes on in small records until nothing is due, and no further than its bound', async () => {
  let left = 1_200;
  const purgeSkipped = async (_: number, limit: number): Promise<number> => {
    const some = Math.min(left, limit);
    left -= some;
    return some;
  };
  const few = set({ purgeSkipped });
  await few.until(startedAt + minute);
  expect(left).toBe(0);
  await few.opened[Symbol.asyncDispose]();
  left = 1_000_000;
  const many = set({ purgeSkipped });
  await many.until(startedAt + minute);
  expect(left).toBe(980_000);
  await many.opened[Symbol.asyncDispose]();
});

test('a pass that fails is logged, and the next one comes an hour later', async () => {
  let passes = 0;
  const summariseHeld = async (): Promise<void> => {
    passes += 1;
    throw new Error('the disk is full');
  };
  const { logged, until, opened } = set({ summariseHeld });
  await until(startedAt + minute);
  await until(startedAt + 61 * minute);
  expect(passes).toBe(2);
  expect(logged).toEqual(['error a housekeeping pass failed', 'error a housekeeping pass failed']);
  await opened[Symbol.asyncDispose]();
});

test('closing waits for the step under way and begins no other', async () => {
  const asked: string[] = [];
  let done = (): void => undefined;
  const summariseHeld = (): Promise<void> =>
    new Promise((resolve) => {
      asked.push('summarise');
      done = resolve;
    });
  const { asked: others, until, opened } = set({ summariseHeld });
  await until(startedAt + minute);
  const closing = opened[Symbol.asyncDispose]().then(() => asked.push('closed'));
  await until(startedAt + 2 * minute);
  expect(asked).toEqual(['summarise']);
  done();
  await closing;
  expect([...asked, ...others]).toEqual(['summarise', 'closed']);
});
