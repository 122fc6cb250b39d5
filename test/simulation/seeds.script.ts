/**
 * The crash simulation over many seeds: `npm run faults:simulation -- [--seeds 10000] [--from 1]`. Every failure is named with
 * its seed, by which `SEED=N npx vitest run --config test/vitest.config.ts simulation` tells it again; the rest goes on.
 */
import { argumentsOf } from '../faults/script.ts';
import { tried } from './tried.ts';

const { seeds, from } = argumentsOf({ seeds: 10_000, from: 1 });
const sum: Record<string, number> = { seeds: 0, failed: 0 };
for (let seed = from; seed < from + seeds; seed += 1) {
  const { figures, error } = await tried(seed);
  sum['seeds'] = (sum['seeds'] ?? 0) + 1;
  if (error !== null) {
    sum['failed'] = (sum['failed'] ?? 0) + 1;
    console.error(`seed ${seed}: ${error}`);
  }
  for (const [name, value] of Object.entries(figures)) sum[name] = Math.round((sum[name] ?? 0) + value);
}
console.log(JSON.stringify({ from, ...sum }, null, 2));
process.exitCode = sum['failed'] === 0 ? 0 : 1;
