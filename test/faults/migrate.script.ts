/** `npm run faults:migrate -- --entries 100000 [--kills N] [--seed N] [--encrypted]`: an archive into a cluster and back, while mail flows. */

import { migrations } from './migrate.ts';
import { argumentsOf, script } from './script.ts';

const { entries, kills, seed, encrypted } = argumentsOf({
  entries: 2_000,
  kills: 3,
  seed: Date.now() % 1_000_000,
  encrypted: false,
});

await script(async () => {
  const report = await migrations({ entries, kills, seed, encrypted, told: (text) => console.log(text) });
  const findings = report.findings.slice(0, 100);
  return { held: report.findings.length === 0, figures: { seed, entries, kills, encrypted, ...report, findings } };
});
