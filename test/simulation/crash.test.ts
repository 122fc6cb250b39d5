import { expect, test } from 'vitest';
import { toldOf } from '../support/sim-figures.ts';
import { simulate } from '../support/sim-run.ts';
import { firstToFail, tried } from './tried.ts';

/**
 * The whole path of mail (senders, a POP3 mailbox, ingest, processing, journal actors, commit log, index) on one virtual clock over
 * disks that fail, for many seeds; INV-1 to INV-8 of the journaling page are checked during and after each run.
 *
 * npx vitest run --config test/vitest.config.ts simulation/crash          1,000 seeds
 * npm run faults:simulation -- --seeds 10000 --from 1001                    more of them, without an end at the first failure
 * SEED=42 npx vitest run --config test/vitest.config.ts simulation/crash       one of them, told step by step
 */
const only = process.env['SEED'];
const seeds = Number(process.env['SEEDS'] ?? 1_000);
const replay = (seed: number): string => `SEED=${seed} npx vitest run --config test/vitest.config.ts simulation/crash`;

test('whatever crashes when, all mail that was acknowledged comes to its one end', { timeout: 3_600_000 }, async () => {
  const [first, last] = only === undefined ? [1, seeds] : [Number(only), Number(only)];
  const sum: Record<string, number> = { seeds: last - first + 1 };
  for (let seed = first; seed <= last; seed += 1) {
    const { figures, error } = await tried(seed, only === undefined ? {} : { log: console.log });
    if (error !== null) throw new Error(`seed ${seed}: ${error}\nreplay: ${replay(seed)}`);
    for (const [name, value] of Object.entries(figures)) sum[name] = (sum[name] ?? 0) + value;
  }
  console.log(JSON.stringify(sum));
  // A run that meets no fault proves nothing.
  const { kill = 0, 'power-cut': cut = 0, stop = 0, pulled = 0 } = sum;
  if (only === undefined) expect(kill + cut + stop).toBeGreaterThan(seeds);
  if (only === undefined) expect(pulled).toBeGreaterThan(seeds);
});

test('a seed tells the same story twice', async () => {
  const run = (log: (line: string) => void) => simulate({ seed: 7, faults: true, log });
  const once = await toldOf(run);
  expect(await toldOf(run)).toEqual(once);
  expect(once.length).toBeGreaterThan(4);
});

test.each(['answer-before-sync', 'delete-before-commit', 'key-before-record'] as const)(
  'a planted fault of the protocol is found within 100 seeds: %s',
  { timeout: 600_000 },
  async (plant) => {
    const found = await firstToFail(plant, { from: 1, most: 100 });
    console.log(`${plant}: seed ${found?.seed}: ${found?.text}`);
    expect(found).toBeDefined();
  },
);
