/**
 * `npm run faults:cluster -- --rounds 5 [--seed N] [--cuts 1] [--encrypted]`: three machines of PostgreSQL under Patroni and two workers
 * under a steady load; in each round the primary, the standby and a worker are killed and a worker is paused for twice its
 * lease, and at the end the power of all machines is cut. Needs root, Patroni and etcd (README of this folder).
 */

import { isDeepStrictEqual } from 'node:util';
import { type ClusterReport, clusterUnderFaults, type Fault } from './cluster.ts';
import { nothingFound } from './outside.ts';
import { type PatroniCluster, startPatroni } from './patroni.ts';
import { argumentsOf, script } from './script.ts';

const { rounds, cuts, seed, encrypted } = argumentsOf({
  rounds: 1,
  cuts: 1,
  seed: Date.now() % 1_000_000,
  encrypted: false,
});
/** Twice the lease of a worker. */
const pausedMs = 30_000;

const holds = (run: ClusterReport): boolean =>
  isDeepStrictEqual(run.findings, nothingFound) && run.isSame && run.leftInMailbox === 0;

function roundOf(patroni: PatroniCluster): readonly Fault[] {
  return [
    {
      name: 'kill -9 of the primary',
      strike: async () => {
        const primary = await patroni.primary();
        await patroni.kill(primary);
        await patroni.primary();
        await patroni.start(primary);
        await patroni.healthy();
      },
    },
    {
      name: 'kill -9 of the synchronous standby',
      strike: async () => {
        const standby = await patroni.standby();
        await patroni.kill(standby);
        await patroni.start(standby);
        await patroni.healthy();
      },
    },
    {
      name: 'kill -9 of the worker that has the mailbox',
      strike: async (workers) => workers.kill(await workers.holder()),
    },
    {
      name: 'SIGSTOP of the worker that has the mailbox',
      strike: async (workers) => workers.pause(await workers.holder(), pausedMs),
    },
  ];
}

const powerCut = (patroni: PatroniCluster): Fault => ({
  name: 'power cut of all machines',
  strike: async () => {
    await patroni.powerCut();
    await patroni.healthy();
  },
});

await script(async () => {
  await using patroni = await startPatroni({ disks: cuts > 0 });
  const hosts = patroni.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const postgres = `postgres://daybook:${patroni.password}@${hosts}/daybook`;
  const faults = [
    ...Array.from({ length: rounds }, () => roundOf(patroni)).flat(),
    ...Array.from({ length: cuts }, () => powerCut(patroni)),
  ];
  const run = await clusterUnderFaults({ postgres, faults, seed, encrypted, told: (text) => console.log(text) });
  return { held: holds(run), figures: { seed, rounds, cuts, encrypted, ...run } };
});
