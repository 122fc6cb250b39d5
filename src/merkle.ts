import { hash } from 'node:crypto';

/**
 * The Merkle tree of RFC 9162 section 2.1 over the records of the commit log: leaf n - 1 is record n, its data the record's
 * hash (32 bytes). Subtrees are named by level and place: `(3, 2)` covers leaves 16 to 23.
 */

const leafPrefix = Buffer.from([0]);
const nodePrefix = Buffer.from([1]);
const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

/** Leaf of a record with this hash (hex). */
export const leafOf = (recordHash: string): Buffer =>
  sha256(Buffer.concat([leafPrefix, Buffer.from(recordHash, 'hex')]));
export const nodeOf = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Buffer.concat([nodePrefix, left, right]));
/** Root of the tree without leaves. */
export const emptyRoot = sha256(Buffer.alloc(0));

/** A tree that can grow: its size, and the roots of its complete subtrees, the largest first. */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly Buffer[];
}
export const noLeaves: Frontier = { size: 0, nodes: [] };

/** Told of each subtree that became complete: `place` counts those of its level from the left. */
export type OnSubtree = (level: number, place: number, root: Buffer) => void;

/** The tree with more leaves. */
export function grown({ size, nodes }: Frontier, leaves: readonly Buffer[], onSubtree?: OnSubtree): Frontier {
  const stack = [...nodes];
  let leafCount = size;
  for (const leaf of leaves) {
    let root = leaf;
    let level = 0;
    // A carry, as in counting: each bit that is set is a complete subtree to the left.
    for (let rest = leafCount; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      root = nodeOf(stack.pop() ?? emptyRoot, root);
      level += 1;
      onSubtree?.(level, Math.floor(leafCount / 2 ** level), root);
    }
    stack.push(root);
    leafCount += 1;
  }
  return { size: leafCount, nodes: stack };
}

/** Root hash of the tree (RFC 9162 2.1.1). */
export function rootOf({ nodes }: Frontier): Buffer {
  return nodes.length === 0 ? emptyRoot : nodes.reduceRight((right, left) => nodeOf(left, right));
}

/** Root of the complete subtree `(level, place)`. */
export type SubtreeRoot = (level: number, place: number) => Promise<Buffer>;

/** The path that proves leaf `index` in the tree of `size` leaves, the lowest node first (RFC 9162 2.1.3.1). */
export async function inclusionPath(index: number, size: number, rootAt: SubtreeRoot): Promise<readonly Buffer[]> {
  return pathWithin(index, { from: 0, size }, rootAt);
}

interface Span {
  readonly from: number;
  readonly size: number;
}

async function pathWithin(index: number, { from, size }: Span, rootAt: SubtreeRoot): Promise<readonly Buffer[]> {
  if (size === 1) return [];
  const left = largestPowerBelow(size);
  const [own, other] =
    index - from < left
      ? [
          { from, size: left },
          { from: from + left, size: size - left },
        ]
      : [
          { from: from + left, size: size - left },
          { from, size: left },
        ];
  return [...(await pathWithin(index, own, rootAt)), await spanRoot(other, rootAt)];
}

async function spanRoot({ from, size }: Span, rootAt: SubtreeRoot): Promise<Buffer> {
  const level = Math.log2(size);
  if (Number.isInteger(level)) return rootAt(level, from / size);
  const left = largestPowerBelow(size);
  return nodeOf(
    await spanRoot({ from, size: left }, rootAt),
    await spanRoot({ from: from + left, size: size - left }, rootAt),
  );
}

/** The root that a path leads to (RFC 9162 2.1.3.2); null where it is too long or too short for leaf and size. */
export function rootByPath(
  leaf: Buffer,
  { index, size }: { readonly index: number; readonly size: number },
  path: readonly Buffer[],
): Buffer | null {
  if (index >= size) return null;
  let [at, last, root] = [index, size - 1, leaf];
  for (const node of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      root = nodeOf(node, root);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else root = nodeOf(root, node);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : null;
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
