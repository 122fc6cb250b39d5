/**
 * The crash simulation over many seeds: `npm run faults:simulation -- [--seeds 10000] [--from 1]`. Every failure is named with
 * its seed, by which `SEED=N npx vitest run --config test/vitest.config.ts simulation` tells it again; the rest goes on.
 */
import { spawnSync } from 'node:child_process';
import { argumentsOf } from '../faults/script.ts';
import { tried } from './tried.ts';

/** Of one process: what a simulated life leaves in memory adds up. */
const batch = 500;

type Figures = Record<string, number>;
const { seeds, from } = argumentsOf({ seeds: 10_000, from: 1 });
const sum: Figures = { seeds: 0, failed: 0 };
const add = (figures: Readonly<Figures>): void => {
  for (const [name, value] of Object.entries(figures)) sum[name] = Math.round((sum[name] ?? 0) + value);
};

if (seeds <= batch) {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { figures, error } = await tried(seed);
    if (error !== null) console.error(`seed ${seed}: ${error}`);
    add({ ...figures, seeds: 1, failed: error === null ? 0 : 1 });
  }
} else {
  for (let first = from; first < from + seeds; first += batch) {
    const count = Math.min(batch, from + seeds - first);
    const args = [...process.execArgv, import.meta.filename, '--seeds', String(count), '--from', String(first)];
    const { stdout, status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { from: _, ...figures } = JSON.parse(stdout.toString() || '{}') as Figures;
    if (figures['seeds'] !== count) throw new Error(`the seeds from ${first} on ended with ${status}`);
    add(figures);
    console.error(`${sum['seeds']} seeds, ${sum['failed']} failed`);
  }
}
console.log(JSON.stringify({ from, ...sum }, null, 2));
process.exitCode = sum['failed'] === 0 ? 0 : 1;
