import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  emptyRoot,
  type Frontier,
  grown,
  inclusionPath,
  leafOf,
  nodeOf,
  noLeaves,
  rootByPath,
  rootOf,
} from '../../src/merkle.ts';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const recordHash = (n: number): string => sha256(Buffer.from(`record ${n}`)).toString('hex');
const leaves = (size: number): readonly Buffer[] => Array.from({ length: size }, (_, n) => leafOf(recordHash(n)));

/** The definition of RFC 9162 2.1.1, word for word. */
function rootByDefinition(of: readonly Buffer[]): Buffer {
  const [only] = of;
  if (only === undefined) return emptyRoot;
  if (of.length === 1) return only;
  let split = 1;
  while (split * 2 < of.length) split *= 2;
  return nodeOf(rootByDefinition(of.slice(0, split)), rootByDefinition(of.slice(split)));
}
const subtree = (of: readonly Buffer[]) => async (level: number, place: number) =>
  rootByDefinition(of.slice(place * 2 ** level, (place + 1) * 2 ** level));

test('hashes as the RFC says: a leaf under 0, a node under 1, nothing under nothing', () => {
  const data = Buffer.alloc(32, 7);
  expect(leafOf(data.toString('hex'))).toEqual(sha256(Buffer.concat([Buffer.from([0]), data])));
  expect(nodeOf(data, data)).toEqual(sha256(Buffer.concat([Buffer.from([1]), data, data])));
  expect(rootOf(noLeaves).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('grows leaf by leaf, or many at once, to the root of the definition, and names each complete subtree once', async () => {
  let one: Frontier = noLeaves;
  const all = leaves(150);
  for (const [n, leaf] of all.entries()) {
    one = grown(one, [leaf]);
    expect(rootOf(one)).toEqual(rootByDefinition(all.slice(0, n + 1)));
  }
  const named = new Map<string, Buffer>();
  const many = grown(grown(noLeaves, all.slice(0, 71)), [], undefined);
  const rest = grown(many, all.slice(71), (level, place, root) => named.set(`${level} ${place}`, root));
  expect(rootOf(rest)).toEqual(rootOf(one));
  expect(named.get('6 1')).toEqual(rootByDefinition(all.slice(64, 128)));
  for (const [name, root] of named) {
    const [level = 0, place = 0] = name.split(' ').map(Number);
    expect(root).toEqual(await subtree(all)(level, place));
  }
});

test('every leaf of every tree is proved, and nothing else is', async () => {
  for (let size = 1; size <= 40; size += 1) {
    const all = leaves(size);
    const root = rootByDefinition(all);
    for (let index = 0; index < size; index += 1) {
      const path = await inclusionPath(index, size, subtree(all));
      expect(rootByPath(all[index]!, { index, size }, path)).toEqual(root);
      for (const wrong of [...Array(size).keys()].filter((other) => other !== index)) {
        expect(rootByPath(all[index]!, { index: wrong, size }, path), `${index} as ${wrong} of ${size}`).not.toEqual(
          root,
        );
      }
      expect(rootByPath(all[index]!, { index, size }, [...path, root])).toBeNull();
      if (path.length > 0) expect(rootByPath(all[index]!, { index, size }, path.slice(1))).not.toEqual(root);
    }
  }
});

test('a place beyond the tree is none of it, by whatever path', async () => {
  for (let size = 1; size <= 40; size += 1) {
    const all = leaves(size);
    for (const index of [0, size - 1]) {
      const path = await inclusionPath(index, size, subtree(all));
      for (const beyond of [size, size + 1, 2 * size, index + 2 ** path.length, index + 2 ** 30]) {
        if (beyond >= size) expect(rootByPath(all[index]!, { index: beyond, size }, path)).toBeNull();
      }
    }
  }
  expect(rootByPath(leafOf(recordHash(0)), { index: 0, size: 0 }, [])).toBeNull();
});

test('a flipped bit in leaf or path proves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 300 }),
      fc.nat(),
      fc.nat(),
      fc.nat(255),
      async (size, at, where, bit) => {
        const all = leaves(size);
        const index = at % size;
        const path = (await inclusionPath(index, size, subtree(all))).map((node) => Buffer.from(node));
        const leaf = Buffer.from(all[index]!);
        const pieces = [leaf, ...path];
        const piece = pieces[where % pieces.length]!;
        piece.writeUInt8(piece.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(rootByPath(leaf, { index, size }, path)).not.toEqual(rootByDefinition(all));
      },
    ),
    { numRuns: 200 },
  );
});
