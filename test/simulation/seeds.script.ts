/**
 * The crash simulation over many seeds: `npm run faults:simulation -- [--cluster] [--seeds 10000] [--from 1]`. Every failure is
 * named with its seed, by which `SEED=N npx vitest run --config test/vitest.config.ts simulation/crash` (or `simulation/cluster`)
 * tells it again; the rest goes on.
 */
import { argumentsOf } from '../faults/script.ts';
import { tried } from './tried.ts';

/** How often it is told how far it is. */
const toldEvery = 500;

const { seeds, from, cluster } = argumentsOf({ seeds: 10_000, from: 1, cluster: false });
const backend = cluster ? 'cluster' : 'embedded';
const sum: Record<string, number> = { seeds: 0, failed: 0 };
const add = (figures: Readonly<Record<string, number>>): void => {
  for (const [name, value] of Object.entries(figures)) sum[name] = Math.round((sum[name] ?? 0) + value);
};

for (let seed = from; seed < from + seeds; seed += 1) {
  const { figures, error } = await tried(seed, { backend });
  if (error !== null) console.error(`seed ${seed}: ${error}`);
  add({ ...figures, seeds: 1, failed: error === null ? 0 : 1 });
  if (sum['seeds'] !== undefined && sum['seeds'] % toldEvery === 0)
    console.error(`${sum['seeds']} seeds, ${sum['failed']} failed`);
}
console.log(JSON.stringify({ backend, from, ...sum }, null, 2));
process.exitCode = sum['failed'] === 0 ? 0 : 1;
