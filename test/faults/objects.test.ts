import { expect, test } from 'vitest';
import { objectStoreLeftOut, startObjectStore } from '../support/object-store.ts';
import { longOfClusterLeftOut, startPostgres } from '../support/postgres.ts';
import { clusterUnderFaults } from './cluster.ts';
import { type Away, gatewayKilled, objectsAway, osdKilled, packsOf, writerKilled } from './objects.ts';
import { nothingFound } from './outside.ts';

/** A small part of `npm run faults:objects`: each fault once, and half a minute instead of a whole one. */
test.skipIf(longOfClusterLeftOut() || objectStoreLeftOut())(
  'two workers lose and double nothing when the object store under them is killed, or away',
  async () => {
    await using store = await startObjectStore({ osds: 3 });
    await using server = await startPostgres();
    const outages: Away[] = [];
    const objects = await store.bucket();
    const run = await clusterUnderFaults({
      postgres: server.url,
      objects,
      seed: 20_261_201,
      faults: [
        gatewayKilled(store),
        osdKilled(store, 1),
        writerKilled(store, 'two'),
        objectsAway(store, { forMs: 30_000, how: 'killed', said: (away) => outages.push(away) }),
      ],
    });
    expect(run.acknowledged).toBeGreaterThan(200);
    expect(run.deleted).toBeGreaterThan(0);
    expect({ ...run.findings, isSame: run.isSame, left: run.leftInMailbox }).toEqual({
      ...nothingFound,
      isSame: true,
      left: 0,
    });
    expect(outages).toMatchObject([{ acknowledged: 0, deleted: 0 }]);
    const { answers, asked, longestAnswerMs } = outages[0] as Away;
    expect(Object.keys(answers)).toEqual(['451 4.3.0']);
    expect(longestAnswerMs).toBeLessThan(60_000);
    expect(Object.values(asked).flatMap(({ codes }) => Object.keys(codes))).toEqual(
      Object.keys(asked).map(() => '200'),
    );
    expect(await packsOf(objects, server)).toMatchObject({ named: expect.any(Number), missing: 0 });
  },
  400_000,
);
