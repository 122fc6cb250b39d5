import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DropRows } from '../../src/cluster/drop-rows.ts';
import { removeUnlocked } from '../../src/cluster/pack-sweep.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { s3Vault } from '../../src/cluster/s3-vault.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import { Secret } from '../../src/config/secret.ts';
import { vaultOf } from '../../src/engine/cluster-backend.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { eventually } from '../support/eventually.ts';
import { command } from '../support/journey-cli.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type ObjectStore, objectStoreLeftOut, someRoom, startObjectStore } from '../support/object-store.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { mailDraft, openSharedLogFixture, type SharedLogFixture, sweepAt } from '../support/shared-log-fixture.ts';
import { day } from '../support/stream-shapes.ts';

const random = Math.random;
/** Removes what can be removed by now. Answers how many packs. */
const unlock = ({ postgres, id }: SharedLogFixture, vault: Vault, now: number): Promise<number> =>
  removeUnlocked({ rows: new DropRows(postgres, id), vault, store: vault.store }, { now, isEnding: () => false });

describe.skipIf(postgresLeftOut())('packs that a lock keeps', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** Three messages in one pack in memory, which is locked for a week. */
  async function locked() {
    const now = { at: Date.now() };
    const packs = new MemoryPacks(() => now.at);
    const openVault = (room: string): Vault => packs.open(room, 7 * day);
    const fixture = await openSharedLogFixture({ postgres: openPostgres(server.url), openVault, now: () => now.at });
    const vault = openVault(fixture.room);
    const { log } = await fixture.open('one');
    const bodies = Array.from({ length: 3 }, () => randomBytes(1_000));
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, at))));
    const holds = (seq: number): boolean =>
      [...packs.packs.values()].some(({ bytes }) => bytes.includes(bodies[seq - 1] ?? ''));
    const expectKept = async (...seqs: readonly number[]): Promise<void> => {
      for (const seq of seqs)
        expect(Buffer.from(await log.slice(seq, 0, 1_000)).equals(bodies[seq - 1] ?? Buffer.alloc(0))).toBe(true);
    };
    return { now, packs, fixture, vault, log, holds, expectKept, rows: new DropRows(fixture.postgres, fixture.id) };
  }

  test('outlive what was dropped of them, as they are, and go in their time; what others need is not locked anew', async () => {
    const { now, packs, fixture, vault, log, holds, expectKept, rows } = await locked();
    const [pack = ''] = packs.packs.keys();
    await log.drop(new Set([1]));
    await log.drop(new Set([1, 2]));
    for (const seq of [1, 2]) await expect(log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
    expect([holds(1), holds(2), [...packs.packs.keys()]]).toEqual([true, true, [pack]]);
    await expectKept(3);
    expect(await rows.locked()).toBe(1);
    now.at += 7 * day - 1;
    expect(await unlock(fixture, vault, now.at)).toBe(0);
    expect(holds(1)).toBe(true);
    now.at += 1;
    expect(await unlock(fixture, vault, now.at)).toBe(1);
    expect([holds(1), holds(2), packs.packs.size, await rows.locked()]).toEqual([false, false, 1, 0]);
    await expectKept(3);
    await log.drop(new Set([3]));
    expect(packs.packs.size).toBe(0);
    await fixture[Symbol.asyncDispose]();
  });

  test('that nothing names are noted by the sweep, and go in their time', async () => {
    const { now, packs, fixture, vault, expectKept, rows } = await locked();
    await vault.store([[randomBytes(10)]]);
    now.at += 3 * day;
    expect(await sweepAt(fixture, vault, now.at)).toBe(0);
    expect([packs.packs.size, await rows.locked()]).toEqual([2, 1]);
    // Looked at again, since it lies within a day before the end of the last sweep.
    now.at += day;
    expect(await sweepAt(fixture, vault, now.at)).toBe(0);
    now.at += 3 * day;
    expect(await unlock(fixture, vault, now.at)).toBe(1);
    expect([packs.packs.size, await rows.locked()]).toEqual([1, 0]);
    await expectKept(1, 2, 3);
    await fixture[Symbol.asyncDispose]();
  });

  test('however many nothing names, do not keep a sweep from what lies behind them', async () => {
    const { now, packs, fixture, vault, rows } = await locked();
    for (let count = 0; count < 300; count += 1) await vault.store([[randomBytes(10)]]);
    await vault.store([[randomBytes(10)]], { isAgain: true });
    now.at += 3 * day;
    expect(await sweepAt(fixture, vault, now.at, { max: 100 })).toBe(1);
    expect([packs.packs.size, await rows.locked()]).toEqual([301, 300]);
    expect(await sweepAt(fixture, vault, now.at)).toBeNull();
    await fixture[Symbol.asyncDispose]();
  });

  test('that are held are asked for again a day later, and one whose lock grew is waited for', async () => {
    const { now, packs, fixture, vault, log, holds, rows } = await locked();
    const [pack = ''] = packs.packs.keys();
    packs.locks.set(pack, Number.POSITIVE_INFINITY);
    await log.drop(new Set([1]));
    const until = async (): Promise<number> =>
      Number((await server.query('select until from daybook.locked where pack = $1', [pack]))[0]?.['until']);
    expect(Math.abs((await until()) - Date.now() - day)).toBeLessThan(60_000);
    now.at += day + 60_000;
    packs.locks.set(pack, now.at + day);
    expect(await unlock(fixture, vault, now.at)).toBe(0);
    expect(await until()).toBe(now.at + day);
    now.at += day;
    expect(await unlock(fixture, vault, now.at)).toBe(1);
    expect([holds(1), await rows.locked()]).toEqual([false, 0]);
    await fixture[Symbol.asyncDispose]();
  });

  test('and cannot be removed though their time is over do not keep the others', async () => {
    const { now, packs, fixture, vault, log } = await locked();
    const [first = ''] = packs.packs.keys();
    await log.append(mailDraft(randomBytes(10), 'more'));
    await log.drop(new Set([1, 4]));
    now.at += 8 * day;
    const refusing: Vault = {
      ...vault,
      remove: async (some) => {
        if (some.includes(first)) throw new Error('AccessDenied');
        await vault.remove(some);
      },
    };
    await expect(unlock(fixture, refusing, now.at)).rejects.toThrow('AccessDenied');
    expect(packs.packs.has(first)).toBe(true);
    expect(await unlock(fixture, vault, now.at)).toBe(1);
    expect([packs.packs.has(first), packs.packs.size]).toEqual([false, 1]);
    await fixture[Symbol.asyncDispose]();
  });
});

describe.skipIf(postgresLeftOut() || objectStoreLeftOut())('a bucket with Object Lock', () => {
  let server: Postgres;
  let store: ObjectStore;
  beforeAll(async () => {
    [server, store] = await Promise.all([startPostgres(), startObjectStore()]);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const vaultIn = (place: S3Place, retainMs: number, room = someRoom) =>
    s3Vault(
      {
        ...{ place, prefix: 'daybook', room, newId: createNewId(asyncScheduler), random },
        objectLock: { mode: 'GOVERNANCE', retainMs },
      },
      asyncScheduler,
    );

  test('keeps a pack that was dropped until its time, small or large, and gives it back then', async () => {
    const place = await store.bucket({ objectLock: true });
    const retainMs = 8_000;
    const openVault = (room: string): Vault => vaultIn(place, retainMs, room);
    const fixture = await openSharedLogFixture({ postgres: openPostgres(server.url), openVault });
    const { log } = await fixture.open('one');
    const bodies = [randomBytes(1_000), randomBytes(1_000), randomBytes(17_000_000)];
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, at))));
    await log.drop(new Set([1, 3]));
    await using vault = openVault(fixture.room);
    await using client = s3Client({ place, random }, asyncScheduler);
    const sizes = async (): Promise<readonly number[]> => {
      const found: number[] = [];
      for await (const { size } of client.list('')) found.push(size);
      return found.toSorted((one, other) => one - other);
    };
    const before = await sizes();
    expect(before.at(-1)).toBeGreaterThan(17_000_000);
    expect(await unlock(fixture, vault, Date.now())).toBe(0);
    expect(await sizes()).toEqual(before);
    let removed = 0;
    const goes = async (): Promise<boolean> => {
      removed += await unlock(fixture, vault, Date.now());
      return removed === before.length;
    };
    await eventually(goes, { withinMs: 40_000, what: 'the end of the locks' });
    const [left = 0, ...more] = await sizes();
    expect([left < 2_000, more]).toEqual([true, []]);
    expect(Buffer.from(await log.slice(2, 0, 1_000)).equals(bodies[1] ?? Buffer.alloc(0))).toBe(true);
    // What was carried over is not locked again.
    await log.drop(new Set([2]));
    expect(await sizes()).toEqual([]);
    await fixture[Symbol.asyncDispose]();
  });

  test('says until when a pack is locked, by its own clock; a hold has no end, and what is not locked has none', async () => {
    const place = await store.bucket({ objectLock: true });
    await using vault = vaultIn(place, day);
    await using client = s3Client({ place, random }, asyncScheduler);
    const [locked] = await vault.store([[randomBytes(10)]]);
    const [again] = await vault.store([[randomBytes(10)]], { isAgain: true });
    const [pack = '', free = ''] = [locked?.pack, again?.pack];
    const until = (await vault.lockedUntil(pack)) ?? 0;
    expect(Math.abs(until - Date.now() - day)).toBeLessThan(60_000);
    expect(await vault.lockedUntil(free)).toBeNull();
    await client.hold(`daybook/${free}.pack`, true);
    expect(await vault.lockedUntil(free)).toBe(Number.POSITIVE_INFINITY);
    await client.hold(`daybook/${free}.pack`, false);
    // Hidden by somebody's deletion, it is locked all the same.
    await client.remove(`daybook/${pack}.pack`);
    expect(await vault.lockedUntil(pack)).toBe(until);
    await vault.remove([free]);
    for (const none of [free, '20200101/01DXF6DT00CCCCCCCCCCCCCCCC', 'none'])
      expect(await vault.lockedUntil(none)).toBeNull();
    await using plain = vaultIn(await store.bucket(), day);
    expect(await plain.lockedUntil(pack)).toBeNull();
    await expect(plain.store([[randomBytes(10)]])).rejects.toMatchObject({ code: 'store-failed' });
    await expect(plain.store([[randomBytes(17_000_000)]])).rejects.toMatchObject({ code: 'store-failed' });
  });

  test('is asked for before an engine uses it: one without locks is an error of the configuration, one that is away is not', async () => {
    const clusterOf = ({ accessKey, secretKey, ...place }: S3Place) => ({
      bodies: 's3' as const,
      s3: {
        ...{ ...place, accessKey: new Secret(accessKey), secretKey: new Secret(secretKey.reveal()) },
        lock: { mode: 'compliance' as const, for: '1d' },
      },
    });
    const open = async (place: S3Place, clock = asyncScheduler): Promise<Vault | undefined> =>
      vaultOf(clusterOf(place), clock)?.(someRoom);
    const plain = await store.bucket();
    await expect(open(plain)).rejects.toMatchObject({ name: 'BucketUnfit', message: expect.stringContaining('mail-') });
    await expect(open(plain)).rejects.toThrow(/cluster\.s3\.lock: .*no Object Lock/);
    await expect(open({ ...plain, bucket: 'none' })).rejects.toThrow('NoSuchBucket');
    const place = await store.bucket({ objectLock: true });
    const vault = await open(place);
    const [ref] = (await vault?.store([[randomBytes(10)]])) ?? [];
    expect(Math.abs(((await vault?.lockedUntil(ref?.pack ?? '')) ?? 0) - Date.now() - day)).toBeLessThan(60_000);
    await vault?.[Symbol.asyncDispose]();
    await (await open({ ...place, endpoint: 'http://127.0.0.1:1' }))?.[Symbol.asyncDispose]();
    const fast: typeof asyncScheduler = Object.create(asyncScheduler, { now: { value: () => Date.now() + day } });
    const skewed = await open(place, fast);
    await expect(skewed?.answers(), 'until its clock is right').rejects.toThrow('RequestTimeTooSkewed');
    await skewed?.[Symbol.asyncDispose]();
  }, 60_000);

  test('ends a worker whose bucket has none, with the code of a wrong configuration and the reason', async () => {
    const { endpoint, bucket, accessKey, secretKey } = await store.bucket();
    const folder = await mkdtemp(join(tmpdir(), 'daybook-locks-'));
    const config = join(folder, 'daybook.yaml');
    const lock = { mode: 'compliance', for: '30d' };
    const s3 = { endpoint, bucket, accessKey, secretKey: secretKey.reveal(), lock };
    const cluster = { postgres: server.url, worker: 'one', s3 };
    const files = { dataDir: folder, http: { port: 0 }, smtp: { port: 0 }, store: { backend: 'cluster' }, cluster };
    await writeFile(config, JSON.stringify(files), { mode: 0o600 });
    const { code, stderr } = await command(['run', '--config', config]);
    expect([code, stderr]).toEqual([78, expect.stringContaining(`locked in the bucket ${bucket}: the bucket has no`)]);
    await rm(folder, { recursive: true, force: true });
  }, 60_000);
});
