import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DropRows } from '../../src/cluster/drop-rows.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { s3Vault } from '../../src/cluster/s3-vault.ts';
import { sweepPacks } from '../../src/cluster/shared-drop.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { listed } from '../contracts/vault.contract.ts';
import { type ObjectStore, objectStoreLeftOut, startObjectStore } from '../support/object-store.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { mailDraft, openSharedLogFixture } from '../support/shared-log-fixture.ts';

const hour = 3_600_000;
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
    const rooms: string[] = [];
    const openVault = (room: string) => {
      rooms.push(room);
      return vaultIn(place, room);
    };
    const fixture = await openSharedLogFixture({ url, openVault });
    const { log } = await fixture.open('one');
    const room = rooms[0] ?? '';
    return { fixture, log, room, vault: vaultIn(place, room), rows: new DropRows(fixture.postgres, fixture.id) };
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
    expect(north.room).not.toBe(south.room);
    expect(await sweepPacks(north, Date.now() + hour)).toBe(1);
    expect(await listed(south.vault, Date.now() + hour)).toContain(orphans[1]?.pack);
    expect(await sweepPacks(south, Date.now() + hour)).toBe(1);
    for (const [at, { log, vault }] of [north, south].entries()) {
      expect(Buffer.from(await log.slice(1, 0, 1_000)).equals(bodies[at] ?? Buffer.alloc(0))).toBe(true);
      expect(await listed(vault, Date.now() + hour)).toHaveLength(1);
    }
    for (const { fixture, vault } of [north, south]) {
      await fixture[Symbol.asyncDispose]();
      await vault[Symbol.asyncDispose]();
    }
  });

  test('what was stored before logs had rooms is read, thinned and dropped, and swept by nobody', async () => {
    const place = await store.bucket();
    const { fixture, log, rows, vault } = await openLog(place, 'east');
    await using client = s3Client({ place, random }, asyncScheduler);
    const bodies = [randomBytes(1_000), randomBytes(1_000)] as const;
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, at))));
    const [{ pack = '' } = {}] = await fixture.postgres.run({ text: 'select distinct pack from daybook.record' });
    const [name, early] = [String(pack), String(pack).split('/').slice(1).join('/')];
    const bytes = await client.get(`daybook/${name}.pack`, 0, (await client.size(`daybook/${name}.pack`)) ?? 0);
    await client.put(`daybook/${early}.pack`, [bytes ?? Buffer.alloc(0)]);
    await fixture.postgres.run({ text: 'update daybook.record set pack = $1', values: [early] });
    expect(await sweepPacks({ rows, vault }, Date.now() + hour)).toBe(1);
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
    await postgres.run({ text: 'alter table daybook.log drop room' });
    await postgres.run({ text: 'delete from daybook.migration where number > 1' });
    const [again, other] = [await openLogRows(postgres, 'one'), await openLogRows(postgres, 'two')];
    expect(again.id).toBe(one.id);
    expect(new Set([again.room, other.room, one.room]).size).toBe(3);
  });
});
