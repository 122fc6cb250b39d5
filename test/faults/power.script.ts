/** `npm run faults:power -- --cuts 60 [--seed N] [--leveldb | --encrypted] [--without-sync]`: reliability G2. Needs root. */

import { isDeepStrictEqual } from 'node:util';
import { storeOf } from './load.ts';
import { nothingFound } from './outside.ts';
import { powerCuts } from './power.ts';
import { argumentsOf, quantile, script } from './script.ts';

const asked = argumentsOf({
  cuts: 60,
  seed: Date.now() % 1_000_000,
  leveldb: false,
  encrypted: false,
  'without-sync': false,
});

await script(async () => {
  const { cuts, seed, leveldb, encrypted, 'without-sync': isUnsynced } = asked;
  const told = (cut: number, found: object): void => {
    const holds = isDeepStrictEqual(found, nothingFound);
    if (!holds || cut % 10 === 9) console.log(`cut ${cut + 1}: ${holds ? 'holds' : JSON.stringify(found)}`);
  };
  const bytes = storeOf({ leveldb, encrypted });
  const { readyAfterMs, ...report } = await powerCuts({ cuts, seed, bytes, isUnsynced, told });
  const ready = { p50: quantile(readyAfterMs, 0.5), p99: quantile(readyAfterMs, 0.99), max: quantile(readyAfterMs, 1) };
  const held = isDeepStrictEqual(report.findings, nothingFound) && report.refused === null;
  // Without syncs it is the other way round: cuts that find no loss prove nothing.
  return { held: held !== isUnsynced, figures: { ...asked, ...report, readyAfterMs: ready } };
});
