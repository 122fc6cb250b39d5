import { expect, test } from 'vitest';
import type { Plant } from '../support/sim-figures.ts';
import { simulate } from '../support/sim-run.ts';
import { sameArchive } from '../support/sim-verdict.ts';

/**
 * The whole path of mail (senders, ingest, processing, journal actors, commit log, index) on one virtual clock over
 * disks that fail, for many seeds; INV-1 to INV-8 of the journaling page are checked during and after each run.
 *
 * npx vitest run --config test/vitest.config.ts simulation            1,000 seeds
 * SEEDS=20000 npx vitest run --config test/vitest.config.ts simulation   more of them
 * SEED=42 npx vitest run --config test/vitest.config.ts simulation       one of them, told step by step
 */
const only = process.env['SEED'];
const seeds = Number(process.env['SEEDS'] ?? 1_000);
const replay = (seed: number): string => `SEED=${seed} npx vitest run --config test/vitest.config.ts simulation`;

test('whatever crashes when, all mail that was acknowledged comes to its one end', { timeout: 3_600_000 }, async () => {
  const [first, last] = only === undefined ? [1, seeds] : [Number(only), Number(only)];
  const sum = { seeds: 0, mails: 0, sent: 0, kill: 0, 'power-cut': 0, stop: 0, steps: 0, looks: 0, virtualMinutes: 0 };
  for (let seed = first; seed <= last; seed += 1) {
    try {
      const calm = await simulate({ seed, faults: false, log: () => undefined });
      const run = await simulate({ seed, faults: true, log: only === undefined ? () => undefined : console.log });
      sameArchive(run.kept, calm.kept);
      sum.seeds += 1;
      for (const name of ['mails', 'sent', 'steps', 'looks'] as const) sum[name] += run[name];
      for (const name of ['kill', 'power-cut', 'stop'] as const) sum[name] += run.crashes[name];
      sum.virtualMinutes += run.virtualMs / 60_000;
    } catch (error) {
      throw new Error(
        `seed ${seed}: ${error instanceof Error ? error.message : String(error)}\nreplay: ${replay(seed)}`,
        { cause: error },
      );
    }
  }
  console.log(JSON.stringify({ ...sum, virtualMinutes: Math.round(sum.virtualMinutes) }));
  // A run that meets no fault proves nothing.
  if (only === undefined) expect(sum.kill + sum['power-cut'] + sum.stop).toBeGreaterThan(seeds);
});

test('a seed tells the same story twice', async () => {
  const tell = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    const { kept, ...figures } = await simulate({ seed: 7, faults: true, log: (line) => lines.push(line) });
    return [...lines, JSON.stringify(figures), JSON.stringify(kept)];
  };
  const once = await tell();
  expect(await tell()).toEqual(once);
  expect(once.length).toBeGreaterThan(4);
});

test.each(['answer-before-sync', 'key-before-record'] as const)(
  'a planted fault of the protocol is found within 100 seeds: %s',
  { timeout: 600_000 },
  async (plant) => {
    const found = await firstToFail(plant, 100);
    console.log(`${plant}: seed ${found?.seed}: ${found?.text}`);
    expect(found).toBeDefined();
  },
);

async function firstToFail(plant: Plant, most: number): Promise<{ seed: number; text: string } | undefined> {
  for (let seed = 1; seed <= most; seed += 1) {
    try {
      const calm = await simulate({ seed, faults: false, log: () => undefined });
      const run = await simulate({ seed, faults: true, plant, log: () => undefined });
      sameArchive(run.kept, calm.kept);
    } catch (error) {
      return { seed, text: error instanceof Error ? error.message : String(error) };
    }
  }
  return undefined;
}
