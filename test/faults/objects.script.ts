/**
 * `npm run faults:objects -- --rounds 1 [--away 60] [--seed N] [--encrypted]`: two workers whose bodies lie in Ceph (three OSDs, three
 * copies) under a steady load; in each round the gateway, an OSD and a worker that writes packs are killed, and the object
 * store is away for a minute, once gone and once without an answer. Needs root, Ceph and PostgreSQL (README of this folder).
 */

import { isDeepStrictEqual } from 'node:util';
import { startObjectStore } from '../support/object-store.ts';
import { startPostgres } from '../support/postgres.ts';
import { clusterUnderFaults, type Fault } from './cluster.ts';
import { type Away, gatewayKilled, objectsAway, osdKilled, packsOf, wasBorne, writerKilled } from './objects.ts';
import { nothingFound } from './outside.ts';
import { argumentsOf, script } from './script.ts';

const { rounds, away, seed, encrypted } = argumentsOf({
  rounds: 1,
  away: 60,
  seed: Date.now() % 1_000_000,
  encrypted: false,
});

await script(async () => {
  await using store = await startObjectStore({ osds: 3 });
  await using server = await startPostgres();
  const outages: Away[] = [];
  const said = (seen: Away): void => {
    outages.push(seen);
    console.log(JSON.stringify(seen));
  };
  const roundOf = (round: number): readonly Fault[] => [
    gatewayKilled(store),
    osdKilled(store, round % 3),
    writerKilled(store, round % 2 === 0 ? 'one' : 'two'),
    objectsAway(store, { forMs: away * 1_000, how: 'killed', said }),
    objectsAway(store, { forMs: away * 1_000, how: 'paused', said }),
  ];
  const faults = Array.from({ length: rounds }, (_, round) => roundOf(round)).flat();
  const bucket = await store.bucket();
  const run = await clusterUnderFaults({
    postgres: server.url,
    objects: bucket,
    faults,
    seed,
    encrypted,
    told: (text) => console.log(text),
  });
  const isWhole = isDeepStrictEqual(run.findings, nothingFound) && run.isSame && run.leftInMailbox === 0;
  const packs = await packsOf(bucket, server);
  const figures = { seed, rounds, away, encrypted, ...run, outages, packs };
  return { held: isWhole && outages.every(wasBorne) && packs.missing === 0, figures };
});
