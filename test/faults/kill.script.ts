/** `npm run faults:kill -- --cycles 200 [--seed N] [--leveldb | --encrypted]`: reliability G1, as long as one likes. */

import { isDeepStrictEqual } from 'node:util';
import { crashes } from './crashes.ts';
import { storeOf } from './load.ts';
import { nothingFound } from './outside.ts';
import { argumentsOf, quantile, script } from './script.ts';

const { cycles, seed, ...kind } = argumentsOf({
  cycles: 200,
  seed: Date.now() % 1_000_000,
  leveldb: false,
  encrypted: false,
});

await script(async () => {
  const bytes = storeOf(kind);
  const told = (cycle: number, found: object): void => {
    const holds = isDeepStrictEqual(found, nothingFound);
    if (!holds || cycle % 10 === 9) console.log(`cycle ${cycle + 1}: ${holds ? 'holds' : JSON.stringify(found)}`);
  };
  const { readyAfterMs, ...report } = await crashes({ cycles, bytes, seed, told });
  const ready = { p50: quantile(readyAfterMs, 0.5), p99: quantile(readyAfterMs, 0.99), max: quantile(readyAfterMs, 1) };
  const held = isDeepStrictEqual(report.findings, nothingFound) && report.refused === null && report.exitCode === 0;
  return { held, figures: { seed, cycles, bytes, ...report, readyAfterMs: ready } };
});
