import { expect, test } from 'vitest';
import { grown, leafOf, noLeaves, rootByPath, rootOf } from '../../src/merkle.ts';
import { openStoreFixture, type StoreFixture, storeKinds } from '../support/store-fixture.ts';

const treeOf = async ({ store }: StoreFixture) => {
  const hashes: string[] = [];
  for await (const { hash } of store.log.records(0)) hashes.push(hash);
  return { hashes, root: rootOf(grown(noLeaves, hashes.map(leafOf))).toString('hex') };
};

test.each(storeKinds)(
  'the index keeps the tree over all records, chunks among them, over a restart and a rebuild (%s)',
  async (bytes) => {
    await using fixture = await openStoreFixture(bytes);
    // Three hundred records pass the border of what is kept of the tree.
    for (let n = 0; n < 300; n += 1) await fixture.take(n % 100 === 0 ? 'x'.repeat(700_000) : `message ${n}`);
    for (const rebuild of [null, false, true]) {
      if (rebuild !== null) await fixture.reopen({ rebuild });
      const { hashes, root } = await treeOf(fixture);
      const { evidence } = fixture.store;
      expect([evidence.tree.size, rootOf(evidence.tree).toString('hex')]).toEqual([hashes.length, root]);
      for (const seq of [1, 2, 255, 256, 257, hashes.length]) {
        const path = (await evidence.path(seq, hashes.length)).map((node) => Buffer.from(node, 'hex'));
        const found = rootByPath(leafOf(hashes[seq - 1]!), { index: seq - 1, size: hashes.length }, path);
        expect(found?.toString('hex'), `record ${seq}`).toBe(root);
      }
      expect(await evidence.name()).toBe(hashes[0]);
    }
    expect(await fixture.store.evidence.seqOf('intake-0300')).toBe((await treeOf(fixture)).hashes.length);
    expect(await fixture.store.evidence.seqOf('unknown')).toBeUndefined();
  },
);
