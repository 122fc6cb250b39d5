import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCluster } from '../../src/cluster/open-cluster.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { s3Vault } from '../../src/cluster/s3-vault.ts';
import { ServerClock } from '../../src/cluster/server-clock.ts';
import { Secret } from '../../src/config/secret.ts';
import { vaultOf } from '../../src/engine/cluster-backend.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { listed } from '../contracts/vault.contract.ts';
import { type ObjectStore, objectStoreLeftOut, startObjectStore } from '../support/object-store.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { mailDraft, openSharedLogFixture, sweepAt } from '../support/shared-log-fixture.ts';
import { startUpload } from '../support/stray-upload.ts';

const hour = 3_600_000;
/** Everything that stands now is a day old then. */
const tomorrow = (): number => Date.now() + 25 * hour;
const random = Math.random;
const vaultIn = (place: S3Place, room: string) =>
  s3Vault({ place, prefix: 'daybook', room, newId: createNewId(asyncScheduler), random }, asyncScheduler);

describe.skipIf(postgresLeftOut() || objectStoreLeftOut())('logs of one bucket', () => {
  let server: Postgres;
  let store: ObjectStore;
  beforeAll(async () => {
    [server, store] = await Promise.all([startPostgres(), startObjectStore()]);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  /** A log in a database of its own, whose packs lie in this bucket. */
  async function openLog(place: S3Place, database: string) {
    await server.asAdmin(`create database ${database} owner daybook`);
    const url = server.url.replace(/daybook$/, database);
    const fixture = await openSharedLogFixture({
      postgres: openPostgres(url),
      openVault: (room) => vaultIn(place, room),
    });
    const { log } = await fixture.open('one');
    return { fixture, log, vault: vaultIn(place, fixture.room) };
  }

  test('of two databases each sweeps what is its own, and never what the other names', async () => {
    const place = await store.bucket();
    const [north, south] = [await openLog(place, 'north'), await openLog(place, 'south')];
    const bodies = [randomBytes(1_000), randomBytes(1_000)] as const;
    await north.log.append(mailDraft(bodies[0], 'north'));
    await south.log.append(mailDraft(bodies[1], 'south'));
    const orphans = [
      ...(await north.vault.store([[randomBytes(10)]])),
      ...(await south.vault.store([[randomBytes(10)]])),
    ];
    expect(north.fixture.room).not.toBe(south.fixture.room);
    expect(await sweepAt(north.fixture, north.vault, tomorrow())).toBe(1);
    expect(await listed(south.vault, Date.now() + hour)).toContain(orphans[1]?.pack);
    expect(await sweepAt(south.fixture, south.vault, tomorrow())).toBe(1);
    for (const [at, { log, vault }] of [north, south].entries()) {
      expect(Buffer.from(await log.slice(1, 0, 1_000)).equals(bodies[at] ?? Buffer.alloc(0))).toBe(true);
      expect(await listed(vault, Date.now() + hour)).toHaveLength(1);
    }
    for (const { fixture, vault } of [north, south]) {
      await fixture[Symbol.asyncDispose]();
      await vault[Symbol.asyncDispose]();
    }
  });

  test('are swept by a worker of each: an orphan and an upload that nobody ended, a day after and not before', async () => {
    const place = await store.bucket({ versioned: true });
    const s3 = { ...place, accessKey: new Secret(place.accessKey), secretKey: new Secret(place.secretKey.reveal()) };
    const openVault = vaultOf({ bodies: 's3', s3 }, asyncScheduler);
    const clock = new ServerClock(asyncScheduler, () => performance.now());
    const worker = { postgres: server.url, log: 'swept', worker: 'one', master: null, clock };
    await using cluster = await openCluster({ ...worker, keys: 'database', openVault });
    const fixture = await openSharedLogFixture({
      postgres: openPostgres(server.url),
      log: 'swept',
      openVault: (room) => vaultIn(place, room),
    });
    const { log } = await fixture.open('one');
    const body = randomBytes(1_000);
    await log.append(mailDraft(body, 'kept'));
    await using vault = vaultIn(place, fixture.room);
    await vault.store([[randomBytes(10)]]);
    await using client = s3Client({ place, random }, asyncScheduler);
    await startUpload(place, `daybook/${fixture.room}/20260101/${createNewId(asyncScheduler)()}.pack`);
    expect(await listed(vault, Date.now() + hour)).toHaveLength(3);
    const told: number[] = [];
    const sweep = (now: number) =>
      cluster.packs?.sweepIfDue({ now, isEnding: () => false, removed: (packs) => void told.push(packs) });
    expect(await sweep(Date.now() + 23 * hour)).toBe(true);
    expect(await listed(vault, Date.now() + hour)).toHaveLength(3);
    expect(await sweep(Date.now() + 46 * hour)).toBeNull();
    expect(await sweep(Date.now() + 48 * hour)).toBe(true);
    expect(told).toEqual([2]);
    expect(await listed(vault, Date.now() + hour)).toHaveLength(1);
    for await (const { key } of client.uploads('')) expect.fail(`${key} is still there`);
    expect(Buffer.from(await log.slice(1, 0, 1_000)).equals(body)).toBe(true);
    await fixture[Symbol.asyncDispose]();
  });

  test('what was stored before logs had rooms is read, thinned and dropped, and swept by nobody', async () => {
    const place = await store.bucket();
    const { fixture, log, vault } = await openLog(place, 'east');
    await using client = s3Client({ place, random }, asyncScheduler);
    const bodies = [randomBytes(1_000), randomBytes(1_000)] as const;
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, at))));
    const [{ pack = '' } = {}] = await fixture.postgres.run({ text: 'select distinct pack from daybook.record' });
    const [name, early] = [String(pack), String(pack).split('/').slice(1).join('/')];
    const bytes = await client.get(`daybook/${name}.pack`, 0, (await client.size(`daybook/${name}.pack`)) ?? 0);
    await client.put(`daybook/${early}.pack`, [bytes ?? Buffer.alloc(0)]);
    await fixture.postgres.run({ text: 'update daybook.record set pack = $1', values: [early] });
    expect(await sweepAt(fixture, vault, tomorrow())).toBe(1);
    expect(Buffer.from(await log.slice(2, 0, 1_000)).equals(bodies[1])).toBe(true);
    await log.drop(new Set([1]));
    expect(await client.size(`daybook/${early}.pack`)).toBeNull();
    expect(Buffer.from(await log.slice(2, 0, 1_000)).equals(bodies[1])).toBe(true);
    expect(await listed(vault, Date.now() + hour)).toHaveLength(1);
    await log.drop(new Set([2]));
    expect(await listed(vault, Date.now() + hour)).toEqual([]);
    await fixture[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
  });

  test('a log has one room for all its workers, and one from before logs had rooms is given its own', async () => {
    await server.asAdmin('create database west owner daybook');
    await using postgres = openPostgres(server.url.replace(/daybook$/, 'west'));
    const [one, two] = [await openLogRows(postgres, 'one'), await openLogRows(postgres, 'two')];
    expect((await openLogRows(postgres, 'one')).room).toBe(one.room);
    expect(two.room).not.toBe(one.room);
    await postgres.run({ text: 'alter table daybook.log drop room, drop sweep_begun, drop sweep_ended' });
    await postgres.run({ text: 'drop table daybook.locked, daybook.log_key' });
    await postgres.run({ text: 'delete from daybook.migration where number > 1' });
    const [again, other] = [await openLogRows(postgres, 'one'), await openLogRows(postgres, 'two')];
    expect(again.id).toBe(one.id);
    expect(new Set([again.room, other.room, one.room]).size).toBe(3);
  });
});
