import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ClusterBoard, Said } from '../../src/cluster/cluster-board.ts';
import type { Tenures } from '../../src/cluster/tenures.ts';
import { clusterDuties } from '../../src/engine/cluster-duties.ts';
import { VirtualClock } from '../support/virtual-time.ts';

test('what the others can read already is not written again, until it is another, or another worker has written it', async () => {
  const clock = new VirtualClock();
  const written: (readonly string[])[] = [];
  const stands = new Map<string, Said>();
  const board: ClusterBoard = {
    say: async (values) => {
      written.push([...values.keys()]);
      for (const [name, value] of values) stands.set(name, { worker: 'one', value: JSON.parse(JSON.stringify(value)) });
    },
    all: async () => new Map(stands),
  };
  const tenures = { tokenOf: () => '1' } as unknown as Tenures;
  await using duties = clusterDuties({ tenures, board, worker: 'one', clock, log: () => undefined });
  const exchange = async (status: object): Promise<readonly string[]> => {
    duties.say(new Map([['definition:a', status]]));
    clock.runUntil(clock.now() + 1_000);
    await nextTurn();
    return written.at(-1) ?? [];
  };
  expect(await exchange({ counts: 1 })).toEqual(['definition:a']);
  expect(await exchange({ counts: 1 })).toEqual([]);
  expect(await exchange({ counts: 2 })).toEqual(['definition:a']);
  stands.set('definition:a', { worker: 'two', value: { counts: 2 } });
  // It is heard of by this exchange, and answered by the next.
  await exchange({ counts: 2 });
  expect(await exchange({ counts: 2 })).toEqual(['definition:a']);
});

test('a worker hears what another one says of a duty, and never itself, whose word may be of its former life', async () => {
  const clock = new VirtualClock();
  const board: ClusterBoard = {
    say: async () => undefined,
    all: async () =>
      new Map<string, Said>([
        ['definition:a', { worker: 'one', value: { serviceStatus: 'awaiting-initial-run' } }],
        ['definition:b', { worker: 'two', value: { serviceStatus: 'active' } }],
      ]),
  };
  const tenures = { tokenOf: () => null } as unknown as Tenures;
  await using duties = clusterDuties({ tenures, board, worker: 'one', clock, log: () => undefined });
  clock.runUntil(clock.now());
  await nextTurn();
  expect([duties.said('definition:a'), duties.said('definition:b')]).toEqual([undefined, { serviceStatus: 'active' }]);
});

test('what is said of a part of a duty is taken of who has the duty, and of nobody else', async () => {
  const clock = new VirtualClock();
  const written: (readonly string[])[] = [];
  const board: ClusterBoard = {
    say: async (values) => void written.push([...values.keys()]),
    all: async () => new Map(),
  };
  const tenures = { tokenOf: (name: string) => (name === 'definition:a' ? '1' : null) } as unknown as Tenures;
  await using duties = clusterDuties({ tenures, board, worker: 'one', clock, log: () => undefined });
  expect(duties.hasHeard).toBe(false);
  duties.say(new Map(['definition:a#canary', 'definition:b#canary', 'archive'].map((name) => [name, {}])));
  clock.runUntil(clock.now() + 1_000);
  await nextTurn();
  expect([duties.hasHeard, written.flat()]).toEqual([true, ['definition:a#canary']]);
});
