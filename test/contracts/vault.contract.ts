import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Vault, VaultRef } from '../../src/cluster/vault.types.ts';

/** A place that vaults of several workers share. */
export interface VaultHome {
  open(): Promise<Vault>;
  /** Turns one bit of what is kept: at the start of this payload. */
  spoil(ref: VaultRef): Promise<void>;
  /** By the clock that `list` goes by, epoch ms. */
  now(): number;
  remove(): Promise<void>;
}

const hour = 3_600_000;
const all = (vault: Vault, ref: VaultRef): Promise<Uint8Array> => vault.read(ref, 0, ref.length);
const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

export async function listed(vault: Vault, before: number): Promise<readonly string[]> {
  const packs: string[] = [];
  for await (const pack of vault.list(before)) packs.push(pack);
  return packs;
}

/** What each adapter of the vault port promises. */
export function vaultContract(name: string, makeHome: () => Promise<VaultHome>): void {
  describe(`a vault in ${name}`, () => {
    const homes: VaultHome[] = [];
    const newHome = async (): Promise<VaultHome> => {
      const home = await makeHome();
      homes.push(home);
      return home;
    };
    afterEach(async () => {
      for (const home of homes.splice(0)) await home.remove();
    });

    test('gives back what was stored, in the order of the payloads, whole and in ranges', async () => {
      await using vault = await (await newHome()).open();
      const payloads = [0, 1, 47, 48, 1_000, 70_000].map((size) => randomBytes(size));
      const refs = await vault.store(payloads.map((bytes) => [bytes.subarray(0, 40), bytes.subarray(40)]));
      expect(refs.map(({ length }) => length)).toEqual(payloads.map(({ length }) => length));
      for (const [index, ref] of refs.entries()) {
        const bytes = payloads[index] as Buffer;
        expect(equal(await all(vault, ref), bytes), `payload ${index}`).toBe(true);
        const [from, length] = [bytes.length >> 2, bytes.length >> 1];
        expect(equal(await vault.read(ref, from, length), bytes.subarray(from, from + length)), `in ${index}`).toBe(
          true,
        );
      }
    });

    test('keeps a payload of more than 16 MB beside small ones', async () => {
      await using vault = await (await newHome()).open();
      const payloads = [randomBytes(10), randomBytes(17_000_000), randomBytes(20)] as const;
      const [small, large, last] = (await vault.store(payloads.map((bytes) => [bytes]))) as [
        VaultRef,
        VaultRef,
        VaultRef,
      ];
      expect(equal(await all(vault, large), payloads[1])).toBe(true);
      expect(equal(await vault.read(large, 9_000_000, 5), payloads[1].subarray(9_000_000, 9_000_005))).toBe(true);
      expect(equal(await all(vault, small), payloads[0])).toBe(true);
      expect(equal(await all(vault, last), payloads[2])).toBe(true);
    });

    test('stores for many at once, and every one of them finds its own', async () => {
      const home = await newHome();
      await using vault = await home.open();
      await using other = await home.open();
      const stores = Array.from({ length: 60 }, (_, index) => {
        const payloads = Array.from({ length: index % 4 }, () => randomBytes(500 + index));
        return { payloads, vault: index % 3 === 0 ? other : vault };
      });
      const stored = await Promise.all(
        stores.map(async ({ payloads, vault: own }) => ({
          payloads,
          refs: await own.store(payloads.map((one) => [one])),
        })),
      );
      for (const { payloads, refs } of stored) {
        expect(refs).toHaveLength(payloads.length);
        const read = await Promise.all(refs.map((ref) => all(vault, ref)));
        expect(read.map((bytes, index) => equal(bytes, payloads[index] as Buffer))).toEqual(payloads.map(() => true));
      }
    });

    test('a vault that is opened later reads what another one stored', async () => {
      const home = await newHome();
      const bytes = randomBytes(3_000);
      let refs: readonly VaultRef[];
      {
        await using vault = await home.open();
        refs = await vault.store([[bytes]]);
      }
      await using vault = await home.open();
      expect(equal(await all(vault, refs[0] as VaultRef), bytes)).toBe(true);
    });

    test('gives nothing from outside a payload, nor from a pack that is not there', async () => {
      await using vault = await (await newHome()).open();
      const [ref] = (await vault.store([[randomBytes(100)], [randomBytes(100)]])) as [VaultRef];
      for (const [offset, length] of [
        [99, 2],
        [-1, 1],
        [0, -1],
        [101, 0],
        [Number.NaN, 1],
      ] as const) {
        await expect(vault.read(ref, offset, length)).rejects.toMatchObject({ code: 'missing' });
      }
      for (const pack of ['20200101/01DXF6DT00CCCCCCCCCCCCCCCC', 'none', '../none', '']) {
        await expect(all(vault, { ...ref, pack })).rejects.toMatchObject({ code: 'missing' });
        await expect(vault.read({ ...ref, pack }, 0, 5)).rejects.toMatchObject({ code: 'missing' });
      }
    });

    test('a payload that is not what was stored is damaged, and so is one that would end behind its pack', async () => {
      const home = await newHome();
      await using vault = await home.open();
      const [bytes, other] = [randomBytes(1_000), randomBytes(1_000)];
      const [first, second] = (await vault.store([[bytes], [other]])) as [VaultRef, VaultRef];
      await home.spoil(first);
      await expect(all(vault, first)).rejects.toMatchObject({ code: 'damaged', retryable: false });
      expect(equal(await all(vault, second), other)).toBe(true);
      const tooLong = { ...second, length: 100_000 };
      await expect(all(vault, tooLong)).rejects.toMatchObject({ code: 'damaged' });
      await expect(vault.read(tooLong, 99_000, 500)).rejects.toMatchObject({ code: 'damaged' });
      await expect(all(vault, { ...second, length: 999 })).rejects.toMatchObject({ code: 'damaged' });
    });

    test('a removed pack is gone, for every vault, and the others stay; twice is once', async () => {
      const home = await newHome();
      await using vault = await home.open();
      await using other = await home.open();
      const bytes = randomBytes(1_000);
      const [gone] = (await vault.store([[bytes]])) as [VaultRef];
      const [kept] = (await vault.store([[bytes]])) as [VaultRef];
      expect(kept.pack).not.toBe(gone.pack);
      await vault.remove([]);
      await vault.remove([gone.pack, '20200101/01DXF6DT00CCCCCCCCCCCCCCCC', 'none']);
      await vault.remove([gone.pack]);
      for (const { pack } of [gone, kept]) expect(await vault.lockedUntil(pack)).toBeNull();
      for (const one of [vault, other]) {
        await expect(all(one, gone)).rejects.toMatchObject({ code: 'missing' });
        expect(equal(await all(one, kept), bytes)).toBe(true);
      }
      expect(await listed(vault, home.now() + hour)).toEqual([kept.pack]);
    });

    test('lists packs that were made before a time', async () => {
      const home = await newHome();
      await using vault = await home.open();
      const refs: VaultRef[] = [];
      for (let index = 0; index < 5; index += 1) refs.push(...(await vault.store([[randomBytes(10)]])));
      const packs = refs.map(({ pack }) => pack);
      expect(new Set(packs).size).toBe(5);
      expect((await listed(vault, home.now() + hour)).toSorted()).toEqual(packs.toSorted());
      expect(await listed(vault, home.now() - hour)).toEqual([]);
    });

    test('closing twice is closing once, and nothing is stored after it, nor answered', async () => {
      const vault = await (await newHome()).open();
      await vault.answers();
      await vault[Symbol.asyncDispose]();
      await vault[Symbol.asyncDispose]();
      await expect(vault.store([[randomBytes(10)]])).rejects.toMatchObject({ code: 'store-failed', retryable: true });
      await expect(vault.answers()).rejects.toMatchObject({ code: 'store-failed' });
    });
  });
}
