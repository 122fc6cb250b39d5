import { expect, test } from 'vitest';
import type { DefinitionConfig } from '../../src/config/definition.schema.ts';
import type { EngineOptions } from '../../src/config/to-options.ts';
import type { Definition } from '../../src/engine/definition-book.types.ts';
import { openRetention, retentionWarnings } from '../../src/engine/retention.ts';
import type { LogTime } from '../../src/store/log-time.ts';
import type { Retention } from '../../src/store/retention.ts';
import { day, minute, noon } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 60 * minute;

/** Retention passes on a clock that stands still until it is told, over a store that tells what it was asked. */
function set(members: Partial<Retention> = {}) {
  const clock = new VirtualClock(noon);
  const asked: string[] = [];
  const noted: string[] = [];
  const logged: string[] = [];
  const since = (at: number): string => `${(at - noon) / minute} min`;
  const retention: Retention = {
    keep: async (id, ms) => void asked.push(`keep ${id} ${ms === null ? 'ever' : ms / day}`),
    said: async () => [],
    leapAt: () => null,
    resume: async () => undefined,
    look: async (now) => void asked.push(`look at ${since(now)}`),
    due: async function* (now) {
      asked.push(`due at ${since(now)}`);
      if (now < 0) yield 0;
    },
    erase: async () => ({ kind: 'unknown' }),
    summarise: async () => undefined,
    compact: async (before) => asked.push(`compact before ${since(before)}`) < 0,
    ...members,
  };
  const world = { retention: '30d' as string | undefined, gatewayMs: null as number | null };
  const definition = (): Definition =>
    ({ id: 'exchange', config: { retention: world.retention } as DefinitionConfig }) as Definition;
  const options = () => ({ gateway: { retentionMs: world.gatewayMs } }) as EngineOptions;
  const parts = {
    store: { retention },
    book: { all: () => [definition()] },
    live: {
      get current() {
        return options();
      },
      replace: () => undefined,
    },
    note: ({ type }: { readonly type: string }) => void noted.push(type),
    clock,
    log: (level: string, text: string) => void logged.push(`${level} ${text}`),
    warnAlso: () => undefined,
  };
  const opened = openRetention(parts);
  const until = async (at: number): Promise<void> => {
    clock.runUntil(at);
    for (let turn = 0; turn < 4_000; turn += 1) await Promise.resolve();
  };
  return { asked, noted, logged, until, opened, world, warnings: () => retentionWarnings(parts) };
}

test('a pass comes two minutes after the start and then every hour, and has the log say first how long mail is kept', async () => {
  const { asked, until, opened, world } = set();
  await until(noon + 2 * minute - 1);
  expect(asked).toEqual([]);
  await until(noon + 2 * minute);
  const said = ['look at 2 min', 'keep exchange 30', 'keep null ever'];
  expect(asked).toEqual([...said, 'due at 2 min', `compact before ${-12 * 60} min`]);
  [world.retention, world.gatewayMs] = [undefined, 7 * day];
  await until(noon + 62 * minute);
  expect(asked.slice(6, 8)).toEqual(['keep exchange ever', 'keep null 7']);
  await opened[Symbol.asyncDispose]();
  await until(noon + day);
  expect(asked).toHaveLength(10);
});

test('a pass deletes no more than its bound, and what is said meanwhile of the time counts at once', async () => {
  let left = 1_000_000;
  const said: (number | null)[] = [];
  const due = async function* (): AsyncGenerator<number, void> {
    for (;;) {
      left -= 200;
      if (left === 999_600) world.retention = undefined;
      yield 200;
    }
  };
  const { until, opened, world } = set({ due, keep: async (id, ms) => void (id === null || said.push(ms)) });
  await until(noon + 2 * minute);
  expect(left).toBe(980_000);
  expect(said.slice(0, 4)).toEqual([30 * day, 30 * day, null, null]);
  await opened[Symbol.asyncDispose]();
});

test('a pass that fails is logged and comes again; closing ends one at its next step', async () => {
  let passes = 0;
  const { until, opened, logged } = set({
    summarise: async () => {
      passes += 1;
      throw new Error('the disk is full');
    },
  });
  await until(noon + 2 * minute);
  await until(noon + 2 * minute + hour);
  expect([passes, logged]).toEqual([2, ['error a retention pass failed', 'error a retention pass failed']]);
  await opened[Symbol.asyncDispose]();
  let steps = 0;
  const endless = set({
    due: async function* () {
      for (;;) {
        steps += 1;
        if (steps === 3) void endless.opened[Symbol.asyncDispose]();
        yield 0;
      }
    },
  });
  await endless.until(noon + 2 * minute);
  expect(steps).toBe(3);
});

test('a clock that leapt is told of once and warned of for as long, where some mail is not kept for ever', async () => {
  let leap: LogTime['leap'] = { from: noon - 30 * day, to: noon };
  const { until, opened, noted, warnings, world } = set({ leapAt: () => leap });
  await until(noon + 2 * minute);
  await until(noon + 2 * minute + hour);
  expect(noted).toEqual(['retention.paused']);
  expect(warnings()).toMatchObject([{ code: 'retention-paused', since: new Date(noon).toISOString() }]);
  world.retention = undefined;
  expect(warnings()).toEqual([]);
  world.retention = '30d';
  leap = null;
  await until(noon + 2 * minute + 2 * hour);
  expect([noted, warnings()]).toEqual([['retention.paused'], []]);
  await opened[Symbol.asyncDispose]();
});
