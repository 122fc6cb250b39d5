import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Client } from '../../src/cluster/s3-client.types.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { type S3Vault, type S3VaultOptions, s3Vault } from '../../src/cluster/s3-vault.ts';
import type { VaultRef } from '../../src/cluster/vault.types.ts';
import { Secret } from '../../src/config/secret.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { listed } from '../contracts/vault.contract.ts';
import { type ObjectStore, objectStoreLeftOut, someRoom, startObjectStore } from '../support/object-store.ts';
import { startSpoilingProxy } from '../support/spoiling-proxy.ts';
import { startUpload } from '../support/stray-upload.ts';
import { makeTlsPair } from '../support/tls-pair.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 3_600_000;
/** As packs were named before logs had rooms. */
const old = '20260101/01KDV5W800CCCCCCCCCCCCCCCC';
const random = Math.random;
const vaultOf = (place: S3Place, options: Partial<S3VaultOptions> = {}): S3Vault =>
  s3Vault(
    { place, prefix: 'mail', room: someRoom, newId: createNewId(asyncScheduler), random, ...options },
    asyncScheduler,
  );
const clientOf = (place: S3Place): S3Client => s3Client({ place, random }, asyncScheduler);
async function keysOf(client: S3Client): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of client.list('')) keys.push(key);
  return keys;
}

describe.skipIf(objectStoreLeftOut())('a bucket of Ceph', () => {
  let store: ObjectStore;
  beforeAll(async () => {
    store = await startObjectStore();
  });
  afterAll(() => store[Symbol.asyncDispose]());

  test('answers who may use it and has its time, and nobody where there is no such bucket', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place);
    await vault.answers();
    await using nowhere = vaultOf({ ...place, bucket: 'made-by-nobody' });
    await expect(nowhere.answers()).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringContaining('NoSuchBucket'),
    });
    const ahead: typeof asyncScheduler = Object.create(asyncScheduler, {
      now: { value: () => Date.now() + 24 * hour },
    });
    await using late = s3Vault({ place, prefix: 'mail', room: someRoom, newId: createNewId(ahead), random }, ahead);
    await expect(late.answers()).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringContaining('RequestTimeTooSkewed'),
    });
  });

  test('payloads of many stores lie together, under its log, the day and an id, and a pack tells what it holds', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place, { prefix: 'archive/of/mail' });
    await using client = clientOf(place);
    const stores = Array.from({ length: 20 }, (_, index) =>
      vault.store([[randomBytes(100 + index)], [randomBytes(0)]]),
    );
    const refs = (await Promise.all(stores)).flat();
    const packs = [...new Set(refs.map(({ pack }) => pack))];
    expect(packs).toHaveLength(1);
    const days = [-1, 0].map((back) => new Date(Date.now() + back * 60_000).toISOString().slice(0, 10));
    expect(days.map((day) => day.replaceAll('-', ''))).toContain(packs[0]?.split('/')[1]);
    expect(packs[0]).toMatch(new RegExp(`^${someRoom}/\\d{8}/[0-9A-Z]{26}$`));
    expect(await keysOf(client)).toEqual([`archive/of/mail/${packs[0]}.pack`]);
    expect(await vault.contents(packs[0] ?? '')).toEqual(refs);
    await expect(vault.contents('20200101/01DXF6DT00CCCCCCCCCCCCCCCC')).rejects.toMatchObject({ code: 'missing' });
  });

  test('a large payload has a pack of its own, sent in parts, which tells what it holds too', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place);
    const bytes = randomBytes(20_000_000);
    const [large, small] = (await vault.store([[bytes], [randomBytes(5)]])) as [VaultRef, VaultRef];
    expect(large.pack).not.toBe(small.pack);
    expect(await vault.contents(large.pack)).toEqual([large]);
    expect(Buffer.compare(await vault.read(large, 0, large.length), bytes)).toBe(0);
  });

  test('a spoilt table is damage', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place);
    await using client = clientOf(place);
    const [{ pack }] = (await vault.store([[randomBytes(100)]])) as [VaultRef];
    const key = `mail/${pack}.pack`;
    const bytes = (await client.get(key, 0, (await client.size(key)) ?? 0)) as Buffer;
    for (const spoilt of [
      bytes.subarray(0, -1),
      bytes.subarray(0, 20),
      Buffer.concat([bytes, bytes.subarray(0, 60)]),
    ]) {
      await client.put(key, [spoilt]);
      await expect(vault.contents(pack)).rejects.toMatchObject({ code: 'damaged' });
    }
  });

  test('a removal takes every version of a pack, so that its space is given back', async () => {
    const place = await store.bucket({ versioned: true });
    await using vault = vaultOf(place);
    await using client = clientOf(place);
    const [{ pack }] = (await vault.store([[randomBytes(100)]])) as [VaultRef];
    const key = `mail/${pack}.pack`;
    // As after a store whose first answer was lost, and a deletion by somebody else.
    await client.put(key, [randomBytes(10)]);
    await client.remove(key);
    expect((await client.versions(key)).map(({ isMarker }) => isMarker).toSorted()).toEqual([false, false, true]);
    await client.put(`${key}.other`, [randomBytes(1)]);
    await vault.remove([pack]);
    expect(await client.versions(key)).toEqual([]);
    expect(await client.versions(`${key}.other`)).toHaveLength(1);
  });

  test('the sweep sees old packs and unfinished uploads of its own alone, and a removal ends both', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place);
    await using client = clientOf(place);
    const [{ pack }] = (await vault.store([[randomBytes(100)]])) as [VaultRef];
    const unfinished = `mail/${someRoom}/20260101/${createNewId(asyncScheduler)()}.pack`;
    await startUpload(place, unfinished);
    const others = [`mail/${someRoom}/notes.txt`, `mail/${someRoom}/20260101/x.pack`, `mailbox/${old}.pack`];
    for (const key of others) await client.put(key, [Buffer.from('somebody else’s')]);
    const packs = await listed(vault, Date.now() + hour);
    expect(packs).toEqual([pack, unfinished.slice('mail/'.length, -'.pack'.length)]);
    await vault.remove(packs);
    expect(await listed(vault, Date.now() + hour)).toEqual([]);
    for await (const upload of client.uploads('')) expect.fail(`${upload.key} is still there`);
    expect(await keysOf(client)).toHaveLength(3);
  });

  test('logs that share a bucket have rooms of their own there: neither lists, nor ends, what is the other’s', async () => {
    const place = await store.bucket();
    const there = '9b2f8a54-53a1-4d0f-8a36-5d1b0e3c7f20';
    await using one = vaultOf(place);
    await using two = vaultOf(place, { room: there });
    const [ours] = (await one.store([[Buffer.from('ours')]])) as [VaultRef];
    const [theirs] = (await two.store([[Buffer.from('theirs')]])) as [VaultRef];
    const upload = `${there}/20260101/${createNewId(asyncScheduler)()}`;
    await startUpload(place, `mail/${upload}.pack`);
    expect(await listed(one, Date.now() + hour)).toEqual([ours.pack]);
    expect(await listed(two, Date.now() + hour)).toEqual([theirs.pack, upload]);
    await one.remove([ours.pack]);
    expect(await listed(two, Date.now() + hour)).toEqual([theirs.pack, upload]);
    expect(Buffer.from(await one.read(theirs, 0, 6)).toString()).toBe('theirs');
    for (const room of ['', 'mail', there.toUpperCase(), `${there}/x`])
      expect(() => vaultOf(place, { room })).toThrow('no room');
  });

  test('a pack from before logs had rooms is read and removed by its name, and not listed', async () => {
    const place = await store.bucket();
    await using vault = vaultOf(place);
    await using client = clientOf(place);
    const [ref] = (await vault.store([[Buffer.from('early')]])) as [VaultRef];
    const bytes =
      (await client.get(`mail/${ref.pack}.pack`, 0, (await client.size(`mail/${ref.pack}.pack`)) ?? 0)) ?? [];
    await client.put(`mail/${old}.pack`, [Buffer.from(bytes)]);
    const early = { ...ref, pack: old };
    expect(Buffer.from(await vault.read(early, 0, 5)).toString()).toBe('early');
    expect(await vault.contents(old)).toEqual([early]);
    expect(await listed(vault, Date.now() + hour)).toEqual([ref.pack]);
    await vault.remove([old]);
    expect(await keysOf(client)).toEqual([`mail/${ref.pack}.pack`]);
  });

  test('a pack is old only when both clocks say so: that of the worker and that of the storage', async () => {
    const place = await store.bucket();
    const long = 400 * 24 * hour;
    const slow = new VirtualClock(Date.now() - long);
    await using vault = vaultOf(place, { newId: createNewId(slow) });
    await using fast = vaultOf(place, { newId: createNewId(new VirtualClock(Date.now() + long)) });
    const [early] = (await vault.store([[randomBytes(1)]])) as [VaultRef];
    const [late] = (await fast.store([[randomBytes(1)]])) as [VaultRef];
    expect(await listed(vault, Date.now() - hour)).toEqual([]);
    expect(await listed(vault, Date.now() + hour)).toEqual([early.pack]);
    expect(await listed(vault, Date.now() + 2 * long)).toEqual([early.pack, late.pack]);
  });

  test('more than one page of names is listed', async () => {
    const place = await store.bucket();
    await using client = clientOf(place);
    const keys = Array.from({ length: 1_050 }, (_, index) => `page/${String(index).padStart(5, '0')}`);
    const left = [...keys];
    const lane = async (): Promise<void> => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) await client.put(key, [Buffer.from('x')]);
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    expect(await keysOf(client)).toEqual(keys);
  });

  test('what is locked cannot be removed before its time, small or large, and is still read', async () => {
    const place = await store.bucket({ objectLock: true });
    await using vault = vaultOf(place, { objectLock: { mode: 'COMPLIANCE', retainMs: hour } });
    await using client = clientOf(place);
    await vault.check();
    const [small, large] = (await vault.store([[randomBytes(100)], [randomBytes(17_000_000)]])) as [VaultRef, VaultRef];
    for (const ref of [small, large]) {
      const refused = expect(vault.remove([ref.pack])).rejects;
      await refused.toMatchObject({ code: 'store-failed', message: expect.stringContaining('1 of 1 packs') });
      expect(await vault.read(ref, 0, ref.length)).toHaveLength(ref.length);
      expect((await client.versions(`mail/${ref.pack}.pack`)).length).toBe(1);
    }
  });

  test('a legal hold keeps a pack until it is lifted, a retention until it ends', async () => {
    const place = await store.bucket({ objectLock: true });
    await using vault = vaultOf(place);
    await using client = clientOf(place);
    const [held, kept] = [...(await vault.store([[randomBytes(1)]])), ...(await vault.store([[randomBytes(1)]]))];
    const [heldPack, keptPack] = [held?.pack ?? '', kept?.pack ?? ''];
    await client.hold(`mail/${heldPack}.pack`, true);
    await client.retain(`mail/${keptPack}.pack`, { mode: 'GOVERNANCE', until: Date.now() + hour });
    for (const pack of [heldPack, keptPack]) await expect(vault.remove([pack])).rejects.toThrow('were not removed');
    await client.hold(`mail/${heldPack}.pack`, false);
    await vault.remove([heldPack]);
    expect(await listed(vault, Date.now() + hour)).toEqual([keptPack]);
  });

  test('the check says what is wrong: no bucket, a wrong secret, no lock, a clock that is off', async () => {
    const place = await store.bucket();
    const check = async (options: Partial<S3Place>, rest: Partial<S3VaultOptions> = {}): Promise<void> => {
      await using vault = vaultOf({ ...place, ...options }, rest);
      await vault.check();
    };
    await check({});
    await expect(check({ bucket: 'none' })).rejects.toThrow('NoSuchBucket');
    const wrong = expect(check({ secretKey: new Secret('a-wrong-one') })).rejects;
    await wrong.toThrow(/^(?!.*a-wrong-one).*SignatureDoesNotMatch/);
    const objectLock = { mode: 'COMPLIANCE', retainMs: hour } as const;
    await expect(check({}, { objectLock })).rejects.toThrow('no Object Lock');
    const clock = new VirtualClock(Date.now() - 24 * hour);
    await using late = s3Vault({ place, prefix: 'mail', room: someRoom, newId: createNewId(clock), random }, clock);
    await expect(late.check()).rejects.toThrow('RequestTimeTooSkewed');
  });

  test('with an authority of its own it speaks TLS, and to nobody else', async () => {
    const place = await store.bucket();
    const [own, other] = [makeTlsPair('localhost'), makeTlsPair('localhost')];
    await using proxy = await startSpoilingProxy(store.endpoint, own);
    const endpoint = proxy.endpoint.replace('127.0.0.1', 'localhost');
    await using vault = vaultOf({ ...place, endpoint, ca: own.cert });
    const [ref] = (await vault.store([[Buffer.from('over TLS')]])) as [VaultRef];
    expect(Buffer.from(await vault.read(ref, 0, 8)).toString()).toBe('over TLS');
    const asked = proxy.passed.length;
    for (const ca of [undefined, other.cert]) {
      await using stranger = vaultOf({ ...place, endpoint, ...(ca === undefined ? {} : { ca }) });
      await expect(stranger.store([[Buffer.from('x')]])).rejects.toThrow(/certificate/);
    }
    expect(proxy.passed).toHaveLength(asked);
  });
});

test('options that cannot be are refused with their reason', () => {
  const place = {
    endpoint: 'https://s3.north.example',
    region: 'r',
    bucket: 'mail',
    accessKey: 'a',
    secretKey: new Secret('s'),
  };
  expect(() => vaultOf({ ...place, endpoint: 's3.north.example' })).toThrow('no address of an object storage');
  expect(() => vaultOf({ ...place, endpoint: 'https://s3.north.example/path' })).toThrow('no address');
  expect(() => vaultOf({ ...place, bucket: 'My Bucket' })).toThrow('no name of a bucket');
  for (const prefix of ['', '/mail', 'mail/', 'ma il', 'a//b', '..', 'a/../b']) {
    expect(() => vaultOf(place, { prefix })).toThrow('cannot begin the keys');
  }
});
