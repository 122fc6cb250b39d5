import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRejectedCounts, type RejectedCounts, rejectedState } from '../../src/engine/rejected-counts.ts';
import { readNoted } from '../../src/noted-file.ts';
import { eventually } from '../support/eventually.ts';
import { flipBit } from '../support/folders.ts';
import { VirtualClock } from '../support/virtual-time.ts';

async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-rejected-'));
  const logged: string[] = [];
  const clock = new VirtualClock();
  const file = join(folder, rejectedState);
  const opened: RejectedCounts[] = [];
  return {
    clock,
    logged,
    file,
    open: async () => {
      const log = (level: string, text: string): void => void logged.push(`${level} ${text}`);
      const counts = await openRejectedCounts({ dataDir: folder, clock, log });
      opened.push(counts);
      return counts;
    },
    onDisk: (counts: object) =>
      eventually(async () => {
        const noted = await readNoted(file);
        return noted.kind === 'value' && JSON.stringify(noted.value) === JSON.stringify(counts);
      }),
    // Each of them may be writing still, into the folder that goes.
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((counts) => counts[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true });
    },
  };
}

test('refusals are counted by definition, and outlive a restart', async () => {
  await using place = await world();
  const first = await place.open();
  expect(first.of('exchange')).toBe(0);
  for (const id of ['exchange', 'exchange', 'toString']) first.add(id);
  await first[Symbol.asyncDispose]();
  const second = await place.open();
  second.add('exchange');
  expect(['exchange', 'toString', 'other'].map(second.of)).toEqual([3, 1, 0]);
});

test('the first is on disk at once, a flood once a second: a kill forgets the last second', async () => {
  await using place = await world();
  const counts = await place.open();
  counts.add('a');
  await place.onDisk({ a: 1 });
  for (let n = 0; n < 500; n += 1) counts.add('a');
  expect((await place.open()).of('a')).toBe(1);
  expect(place.clock.actions, 'one write is to come').toHaveLength(1);
  place.clock.runUntil(1_000);
  await place.onDisk({ a: 501 });
  counts.add('b');
  place.clock.runUntil(2_000);
  await place.onDisk({ a: 501, b: 1 });
  place.clock.runUntil(60_000);
  expect(place.clock.nextAt, 'nothing waits where nothing is refused').toBeUndefined();
});

test('a damaged file is said, and counted anew', async () => {
  await using place = await world();
  const counts = await place.open();
  counts.add('a');
  await counts[Symbol.asyncDispose]();
  await flipBit(place.file, 70, 1);
  expect((await place.open()).of('a')).toBe(0);
  expect(place.logged).toEqual(['warn the counts of refused mail are damaged; they begin anew']);
});
