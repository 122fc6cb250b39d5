import { expect, test } from 'vitest';
import { postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { clusterUnderFaults } from './cluster.ts';
import { nothingFound } from './outside.ts';

/** A small part of `npm run faults:cluster`: one server instead of three machines, each fault once. */
test.skipIf(postgresLeftOut())(
  'two workers lose and double nothing when their database or one of them is killed',
  async () => {
    await using server = await startPostgres();
    const run = await clusterUnderFaults({
      postgres: server.url,
      seed: 20_261_201,
      faults: [
        {
          name: 'kill -9 of the database',
          strike: async () => {
            await server.kill();
            await server.restart();
          },
        },
        {
          name: 'kill -9 of the worker that has the mailbox',
          strike: async (workers) => workers.kill(await workers.holder()),
        },
      ],
    });
    expect(run.acknowledged).toBeGreaterThan(100);
    expect(run.deleted).toBeGreaterThan(0);
    expect({ ...run.findings, isSame: run.isSame, left: run.leftInMailbox }).toEqual({
      ...nothingFound,
      isSame: true,
      left: 0,
    });
  },
  240_000,
);
