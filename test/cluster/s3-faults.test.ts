import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { asyncScheduler } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Client } from '../../src/cluster/s3-client.types.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { type S3Vault, type S3VaultOptions, s3Vault } from '../../src/cluster/s3-vault.ts';
import type { VaultRef } from '../../src/cluster/vault.types.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { listed } from '../contracts/vault.contract.ts';
import { eventually } from '../support/eventually.ts';
import { type ObjectStore, objectStoreLeftOut, someRoom, startObjectStore } from '../support/object-store.ts';
import { RetryClock } from '../support/retry-clock.ts';
import { type Spoiling, type SpoilingProxy, startSpoilingProxy } from '../support/spoiling-proxy.ts';

const minute = 60_000;
const oneOf = (vault: S3Vault, bytes: Uint8Array): Promise<VaultRef> =>
  vault.store([[bytes]]).then(([ref]) => ref as VaultRef);
const all = (vault: S3Vault, ref: VaultRef): Promise<Uint8Array> => vault.read(ref, 0, ref.length);

/** A vault behind a proxy that spoils what it is told to; time stands still but for the waits between tries. */
describe.skipIf(objectStoreLeftOut())('faults between a vault and Ceph', () => {
  let store: ObjectStore;
  let place: S3Place;
  let proxy: SpoilingProxy;
  let clock: RetryClock;
  let vault: S3Vault;
  /** Past the proxy. */
  let client: S3Client;
  const vaultOf = (options: Partial<S3VaultOptions> = {}): S3Vault => {
    const throughProxy = { ...place, endpoint: proxy.endpoint };
    const usual = { place: throughProxy, prefix: 'mail', room: someRoom, newId: createNewId(clock) };
    return s3Vault({ ...usual, random: () => 0, told: clock.told, ...options }, clock);
  };
  beforeAll(async () => {
    store = await startObjectStore();
  });
  beforeEach(async () => {
    place = await store.bucket({ versioned: true });
    proxy = await startSpoilingProxy(store.endpoint);
    clock = new RetryClock();
    vault = vaultOf();
    client = s3Client({ place, random: () => 0 }, clock);
  });
  afterEach(async () => {
    await vault[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  afterAll(() => store[Symbol.asyncDispose]());

  /** The first requests of a method meet these, one after the other; all that follow pass. */
  const spoilFirst = (method: string, ...spoilings: readonly Spoiling[]): void => {
    const left = [...spoilings];
    proxy.spoil = (request) => (request.method === method ? (left.shift() ?? 'pass') : 'pass');
  };
  const asked = (method: string) => proxy.passed.filter((one) => one.method === method);
  const versionsOf = async (ref: VaultRef) => client.versions(`mail/${ref.pack}.pack`);

  /** Neither earlier nor later. */
  const endsWithin5s = async (storing: Promise<unknown>): Promise<void> => {
    const ended = storing.then(
      () => 'stored',
      () => 'given up',
    );
    clock.runUntil(clock.now() + 4_999);
    expect(await Promise.race([ended, setImmediate('under way')])).toBe('under way');
    clock.runUntil(clock.now() + 1);
    expect(await ended).toBe('given up');
  };

  test('a PUT that is refused is made again, of the same pack, and later each time', async () => {
    spoilFirst('PUT', 'refuse', 'refuse', 'refuse');
    const bytes = randomBytes(1_000);
    const ref = await clock.through(oneOf(vault, bytes));
    expect(clock.troubles.map(({ tries, waitMs }) => [tries, waitMs])).toEqual([
      [1, 100],
      [2, 200],
      [3, 400],
    ]);
    expect(clock.troubles[0]?.text).toMatch(/PUT mail.*503 \(SlowDown, by the proxy\)/);
    expect(new Set(asked('PUT').map(({ url }) => url)).size).toBe(1);
    expect(Buffer.compare(await all(vault, ref), bytes)).toBe(0);
  });

  test('a PUT whose answer is lost is made again: one pack, one place, and nothing is left by its removal', async () => {
    spoilFirst('PUT', 'cut', 'cut');
    const bytes = randomBytes(1_000);
    const ref = await clock.through(oneOf(vault, bytes));
    expect(await listed(vault, clock.now() + minute)).toEqual([ref.pack]);
    // The gateway did as it was told each time.
    expect(await versionsOf(ref)).toHaveLength(3);
    expect(Buffer.compare(await all(vault, ref), bytes)).toBe(0);
    await vault.remove([ref.pack]);
    expect(await versionsOf(ref)).toEqual([]);
  });

  test('bytes that are spoilt on their way to the gateway are sent again', async () => {
    spoilFirst('PUT', 'flip-sent');
    const bytes = randomBytes(1_000);
    const ref = await clock.through(oneOf(vault, bytes));
    expect(clock.troubles.map(({ text }) => text)).toEqual([expect.stringContaining('XAmzContentSHA256Mismatch')]);
    expect(Buffer.compare(await all(vault, ref), bytes)).toBe(0);
  });

  test('an answer that does not come is waited for 30 s', async () => {
    spoilFirst('PUT', 'hang');
    const storing = oneOf(vault, randomBytes(1_000));
    await eventually(async () => asked('PUT').length === 1);
    clock.runUntil(clock.now() + 29_999);
    expect(clock.troubles).toEqual([]);
    clock.runUntil(clock.now() + 1);
    await clock.through(storing);
    expect(clock.troubles.map(({ text }) => text)).toEqual([expect.stringContaining('no answer within 30 s')]);
  });

  test('before a close nothing is tried again, and an answer that does not come is waited for 5 s', async () => {
    spoilFirst('PUT', 'hang', 'refuse', 'pass', 'hang');
    const hung = oneOf(vault, randomBytes(1_000));
    await eventually(async () => asked('PUT').length === 1);
    clock.runUntil(clock.now() + 20_000);
    const refused = oneOf(vault, randomBytes(1_000));
    await eventually(async () => clock.troubles.length === 1);
    vault.hurry();
    await expect(refused).rejects.toMatchObject({ code: 'store-failed' });
    await endsWithin5s(hung);
    const late = randomBytes(1_000);
    const ref = await oneOf(vault, late);
    expect(Buffer.compare(await all(vault, ref), late), 'of a sender who ends then').toBe(0);
    const lateHung = oneOf(vault, randomBytes(1_000));
    await eventually(async () => asked('PUT').length === 4);
    await endsWithin5s(lateHung);
  });

  test('an answer that ends early is asked for again, and never gives fewer bytes', async () => {
    const bytes = randomBytes(50_000);
    const ref = await oneOf(vault, bytes);
    for (const spoiling of ['half', 'short'] as const) {
      spoilFirst('GET', spoiling, spoiling);
      expect(Buffer.compare(await clock.through(all(vault, ref)), bytes), spoiling).toBe(0);
      spoilFirst('GET', spoiling);
      expect(Buffer.compare(await clock.through(vault.read(ref, 7, 999)), bytes.subarray(7, 1_006)), spoiling).toBe(0);
      proxy.spoil = ({ method }) => (method === 'GET' ? spoiling : 'pass');
      await expect(clock.through(all(vault, ref)), spoiling).rejects.toMatchObject({ code: 'store-failed' });
      await expect(clock.through(vault.read(ref, 7, 999)), spoiling).rejects.toMatchObject({ code: 'store-failed' });
    }
  });

  test('an object that is shorter than it was is damaged, in ranges too', async () => {
    const ref = await oneOf(vault, randomBytes(1_000));
    const key = `mail/${ref.pack}.pack`;
    await client.put(key, [(await client.get(key, 0, 500)) as Buffer]);
    await expect(all(vault, ref)).rejects.toMatchObject({ code: 'damaged' });
    await expect(vault.read(ref, 400, 100)).rejects.toMatchObject({ code: 'damaged' });
    await expect(vault.read(ref, 900, 100)).rejects.toMatchObject({ code: 'damaged' });
  });

  test('a byte that is another each time is damage; once it is the line’s fault', async () => {
    const bytes = randomBytes(1_000);
    const ref = await oneOf(vault, bytes);
    spoilFirst('GET', 'flip');
    expect(Buffer.compare(await all(vault, ref), bytes)).toBe(0);
    proxy.spoil = () => 'flip';
    await expect(all(vault, ref)).rejects.toMatchObject({ code: 'damaged', retryable: false });
    expect(asked('GET')).toHaveLength(4);
  });

  test('a gateway that is away for a minute costs nothing but the minute', async () => {
    await vault[Symbol.asyncDispose]();
    vault = vaultOf({ patienceMs: 2 * minute });
    await proxy.leave();
    const left = clock.now();
    const payloads = [randomBytes(1_000), randomBytes(2_000), randomBytes(3_000)];
    const storing = Promise.all(payloads.map((bytes) => oneOf(vault, bytes)));
    while (clock.now() < left + minute) await clock.nextTry();
    await proxy.comeBack();
    const refs = await clock.through(storing);
    for (const [index, ref] of refs.entries()) {
      expect(Buffer.compare(await all(vault, ref), payloads[index] as Buffer)).toBe(0);
    }
    expect(new Set(refs.map(({ pack }) => pack))).toEqual(new Set(await listed(vault, clock.now() + minute)));
    expect(clock.troubles.length).toBeLessThan(25);
  });

  test('one that is away for longer fails what waits for it, within a minute, and takes what comes after', async () => {
    const kept = await oneOf(vault, randomBytes(10));
    await proxy.leave();
    const left = clock.now();
    const failed = expect(clock.through(oneOf(vault, randomBytes(1_000)))).rejects;
    await failed.toMatchObject({ code: 'store-failed', retryable: true });
    expect(clock.now() - left).toBeGreaterThan(50_000);
    expect(clock.now() - left).toBeLessThanOrEqual(minute);
    await expect(clock.through(all(vault, kept))).rejects.toMatchObject({ code: 'store-failed' });
    await proxy.comeBack();
    const bytes = randomBytes(1_000);
    expect(Buffer.compare(await all(vault, await oneOf(vault, bytes)), bytes)).toBe(0);
    expect(await listed(vault, clock.now() + minute)).toHaveLength(2);
  });

  test('while it is away no more bytes wait than may', async () => {
    await vault[Symbol.asyncDispose]();
    vault = vaultOf({ maxHeldBytes: 10_000, maxPackBytes: 3_000, maxPuts: 1 });
    await proxy.leave();
    const stores = Array.from({ length: 30 }, () => oneOf(vault, randomBytes(1_000)));
    const early = await Promise.allSettled(stores.slice(10));
    expect(early.map((ended) => ended.status === 'rejected' && ended.reason.code)).toEqual(
      early.map(() => 'store-failed'),
    );
    expect(clock.troubles).toEqual([]);
    await clock.nextTry();
    await proxy.comeBack();
    const refs = await clock.through(Promise.all(stores.slice(0, 10)));
    expect(new Set(refs.map(({ pack }) => pack)).size).toBe(5);
    await oneOf(vault, randomBytes(10));
  });

  test('an upload in parts outlives a refused part and lost answers of its beginning and its end', async () => {
    const bytes = randomBytes(17_000_000);
    const lost = new Set(['begin', 'part', 'end']);
    proxy.spoil = ({ method, url }) => {
      const step = method === 'PUT' ? 'part' : url.includes('uploadId') ? 'end' : 'begin';
      if (method === 'GET' || method === 'HEAD' || !lost.delete(step)) return 'pass';
      return step === 'part' ? 'refuse' : 'cut';
    };
    const ref = await clock.through(oneOf(vault, bytes));
    expect(lost.size).toBe(0);
    // And its reading goes in slices, of which one is refused.
    spoilFirst('GET', 'refuse');
    expect(Buffer.compare(await clock.through(all(vault, ref)), bytes)).toBe(0);
    expect(asked('GET')).toHaveLength(3);
    expect(await versionsOf(ref)).toHaveLength(1);
    // The upload whose beginning was not answered is found by the sweep, under the same name, and goes with the pack.
    expect(await listed(vault, clock.now() + minute)).toEqual([ref.pack, ref.pack]);
    await vault.remove([ref.pack]);
    expect(await listed(vault, clock.now() + minute)).toEqual([]);
  });

  test('an upload that fails leaves no parts', async () => {
    proxy.spoil = ({ method }) => (method === 'PUT' ? 'refuse' : 'pass');
    await expect(clock.through(oneOf(vault, randomBytes(17_000_000)))).rejects.toMatchObject({ code: 'store-failed' });
    expect(await listed(vault, clock.now() + minute)).toEqual([]);
  });

  test('a missing page of an unknown voice is no missing pack', async () => {
    const ref = await oneOf(vault, randomBytes(10));
    await using wrong = vaultOf({ place: { ...place, endpoint: proxy.endpoint, bucket: 'not-there' } });
    await expect(all(wrong, ref)).rejects.toMatchObject({ code: 'store-failed' });
  });

  test('a removal that fails in part says so, and does the rest', async () => {
    const refs = [
      await oneOf(vault, randomBytes(10)),
      await oneOf(vault, randomBytes(10)),
      await oneOf(vault, randomBytes(10)),
    ];
    const [first, second, third] = refs.map(({ pack }) => pack) as [string, string, string];
    proxy.spoil = ({ method, url }) => (method === 'DELETE' && url.includes(second) ? 'refuse' : 'pass');
    const removing = clock.through(vault.remove([first, second, third]));
    await expect(removing).rejects.toThrow('1 of 3 packs were not removed');
    expect(await listed(vault, clock.now() + minute)).toEqual([second]);
  });

  test('closing ends the waits: what is not stored is refused at once', async () => {
    await proxy.leave();
    const storing = expect(oneOf(vault, randomBytes(10))).rejects.toMatchObject({ code: 'store-failed' });
    await eventually(async () => clock.troubles.length === 1);
    await vault[Symbol.asyncDispose]();
    await storing;
    expect(clock.troubles).toHaveLength(1);
  });

  test('closing waits for packs that are on their way', async () => {
    const bytes = randomBytes(1_000_000);
    const storing = oneOf(vault, bytes);
    await eventually(async () => proxy.passed.length > 0);
    await vault[Symbol.asyncDispose]();
    const ref = await storing;
    expect((await client.size(`mail/${ref.pack}.pack`)) ?? 0).toBeGreaterThan(bytes.length);
  });

  test('a gateway that is killed under load, and another one, keep all that was stored', async () => {
    const troubles: string[] = [];
    const newId = createNewId(asyncScheduler);
    const told = ({ text }: { readonly text: string }): void => void troubles.push(text);
    await using own = s3Vault(
      { place, prefix: 'mail', room: someRoom, newId, random: Math.random, told, maxPackBytes: 20_000 },
      asyncScheduler,
    );
    const stored: { readonly bytes: Buffer; readonly ref: VaultRef }[] = [];
    let isOver = false;
    const lanes = Array.from({ length: 12 }, async () => {
      while (!isOver) {
        const bytes = randomBytes(3_000);
        stored.push({ bytes, ref: await oneOf(own, bytes) });
      }
    });
    const grownTo = (count: number): Promise<unknown> =>
      eventually(async () => stored.length >= count, { withinMs: 50_000, what: `${count} stored` });
    await grownTo(100);
    await store.killGateway();
    await eventually(async () => troubles.length > 0);
    await store.startGateway();
    await grownTo(stored.length + 100);
    isOver = true;
    await Promise.all(lanes);
    const reads = await Promise.all(stored.map(({ ref }) => all(own, ref)));
    expect(reads.filter((bytes, index) => Buffer.compare(bytes, stored[index]?.bytes ?? bytes) !== 0)).toEqual([]);
    const places = stored.map(({ ref: { pack, at } }) => `${pack} ${at}`);
    expect(new Set(places).size).toBe(stored.length);
    const packs = await listed(own, Date.now() + minute);
    expect(new Set(packs)).toEqual(new Set(stored.map(({ ref }) => ref.pack)));
  });
});
