/**
 * Cuts the power under load, again and again: `npx tsx test/faults/power.ts [--cuts 60] [--seed 1] [--without-sync]`.
 * As root, since it mounts. Ends with 1 where anything acknowledged was lost or changed; with `--without-sync` where
 * nothing was: then it would prove nothing.
 */
import { parseArgs } from 'node:util';
import { cutPower } from '../support/power-cut.ts';
import { prng } from '../support/prng.ts';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'without-sync': { type: 'boolean', default: false },
  },
});
console.log(`seed ${values.seed}`);
const random = prng(Number(values.seed));
const withoutSync = values['without-sync'];
const sum = { cuts: 0, acknowledged: 0, lost: 0, changed: 0, faults: 0 };
for (let cut = 0; cut < Number(values.cuts); cut += 1) {
  const { faults, ...end } = await cutPower(random, { withoutSync });
  console.log(JSON.stringify({ ...end, faults }));
  sum.cuts += 1;
  sum.acknowledged += end.acknowledged;
  sum.lost += end.lost;
  sum.changed += end.changed;
  sum.faults += faults.length;
}
console.log(JSON.stringify(sum));
const harm = sum.lost + sum.changed + sum.faults;
process.exit(harm > 0 === withoutSync ? 0 : 1);
