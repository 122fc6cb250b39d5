import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSilences } from '../../src/engine/silences.ts';
import { eventually } from '../support/eventually.ts';
import { flipBit } from '../support/folders.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const minute = 60_000;
const week = 7 * 24 * 60 * minute;
const monday = Date.UTC(2026, 8, 7);

async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-silences-'));
  const logged: string[] = [];
  const clock = new VirtualClock(monday);
  let ids: readonly string[] = ['exchange'];
  const open = () =>
    openSilences({
      dataDir: folder,
      silent: () => ids.map((id) => [id, 5 * minute]),
      clock,
      log: (level, text) => void logged.push(`${level} ${text}`),
    });
  // Once an hour it is written to the disk, and looks again after that.
  const pass = async (until: number): Promise<void> => {
    while (clock.now() < until) {
      clock.runUntil(clock.now() + minute);
      for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
      if (clock.nextAt === undefined) await eventually(async () => clock.nextAt !== undefined);
    }
  };
  const name = (...each: readonly string[]): void => {
    ids = each;
  };
  return { folder, logged, clock, open, pass, name, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test('what was learnt outlives a restart; a definition that is gone is forgotten, a damaged file learnt anew', async () => {
  await using place = await world();
  const first = await place.open();
  await place.pass(monday + 2 * 60 * minute);
  await first[Symbol.asyncDispose]();
  for (let n = 1; n <= 4; n += 1) {
    place.clock.frame = n * week;
    const life = await place.open();
    await place.pass(monday + n * week + 3 * 60 * minute + minute);
    expect(life.usual('exchange', monday + n * week + 60 * minute + 1)?.weeks ?? null).toBe(n === 4 ? 4 : null);
    await life[Symbol.asyncDispose]();
  }
  place.name('another');
  const life = await place.open();
  expect(life.usual('exchange', monday + 5 * week + 60 * minute + 1)).toMatchObject({ longestMs: 5 * minute });
  await place.pass(place.clock.now() + minute);
  expect(life.usual('exchange', monday + 5 * week + 60 * minute + 1)).toBeNull();
  await life[Symbol.asyncDispose]();
  await flipBit(join(place.folder, 'silences.state'), 70, 1);
  await (await place.open())[Symbol.asyncDispose]();
  expect(place.logged).toEqual(['warn what is usual is damaged; it is learnt anew']);
});
