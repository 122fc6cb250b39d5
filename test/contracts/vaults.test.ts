import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe } from 'vitest';
import { s3Client } from '../../src/cluster/s3-client.ts';
import { s3Vault } from '../../src/cluster/s3-vault.ts';
import { createNewId } from '../../src/engine/new-id.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type ObjectStore, objectStoreLeftOut, someRoom, startObjectStore } from '../support/object-store.ts';
import { type VaultHome, vaultContract } from './vault.contract.ts';

vaultContract('memory', async () => {
  const shared = new MemoryPacks();
  return {
    open: async () => shared.open(),
    spoil: async ({ pack, at }) => {
      const bytes = shared.packs.get(pack)?.bytes;
      if (bytes !== undefined) bytes[at] = (bytes[at] ?? 0) ^ 1;
    },
    now: Date.now,
    remove: async () => undefined,
  };
});

describe.skipIf(objectStoreLeftOut())('object storage', () => {
  let store: ObjectStore;
  beforeAll(async () => {
    store = await startObjectStore();
  });
  afterAll(() => store[Symbol.asyncDispose]());

  for (const versioned of [false, true]) {
    vaultContract(`a bucket that ${versioned ? 'keeps versions' : 'keeps none'}`, () => s3Home(store, versioned));
  }
});

async function s3Home(store: ObjectStore, versioned: boolean): Promise<VaultHome> {
  const [place, prefix] = [await store.bucket({ versioned }), 'archive/mail'];
  const newId = createNewId(asyncScheduler);
  return {
    open: async () => s3Vault({ place, prefix, room: someRoom, newId, random: Math.random }, asyncScheduler),
    spoil: async ({ pack, at }) => {
      await using client = s3Client({ place, random: Math.random }, asyncScheduler);
      const key = `${prefix}/${pack}.pack`;
      const bytes = await client.get(key, 0, (await client.size(key)) ?? 0);
      if (bytes === null) throw new Error(`no object ${key}`);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await client.put(key, [bytes]);
    },
    now: Date.now,
    remove: async () => undefined,
  };
}
