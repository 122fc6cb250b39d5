import { type Frontier, grown, inclusionPath, leafOf, noLeaves, type SubtreeRoot } from '../merkle.ts';
import type { Change } from './change.ts';
import type { CommitLog, LogRecord } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { treeKey } from './keys.ts';
import type { RecordHead } from './record.ts';
import type { Unseal } from './unseal.ts';

/** The tree as the index has it, under `tree` in `meta`: size, and the roots of its complete subtrees in hex. */
export interface TreeRow {
  readonly size: number;
  readonly nodes: readonly string[];
}

/** Subtrees from this level on are kept, so that a proof reads a few hundred records and not all of them. */
export const keptLevel = 8;
/** Stands for a record that is lost: no record has such a leaf, and no signed head fits a tree with it. */
export const lostLeaf = Buffer.alloc(32);

export const frontierOf = (row: TreeRow | undefined): Frontier =>
  row === undefined ? noLeaves : { size: row.size, nodes: row.nodes.map((node) => Buffer.from(node, 'hex')) };

/** Adds the records of a group to the tree. Answers what the tree is once the change is in force. */
export function growTree(
  { index, change }: { readonly index: IndexDb; readonly change: Change },
  tree: Frontier,
  group: readonly LogRecord[],
): Frontier {
  const leaves: Buffer[] = [];
  for (const { seq, hash } of group) {
    while (tree.size + leaves.length < seq - 1) leaves.push(lostLeaf);
    leaves.push(leafOf(hash));
  }
  const after = grown(tree, leaves, (level, place, root) => {
    if (level >= keptLevel) change.put(index.tree, treeKey(level, place), { root: root.toString('hex') });
  });
  const nodes = after.nodes.map((node) => node.toString('hex'));
  change.put(index.meta, 'tree', { size: after.size, nodes } satisfies TreeRow);
  return after;
}

/** What the log can say of itself to those who do not trust it (store section 4). */
export interface LogEvidence {
  /** The tree over all records folded so far. */
  readonly tree: Frontier;
  /** Which log this is: the hash of its record 1. @throws EngineFailure `missing` where there is none yet */
  name(): Promise<string>;
  /** The last `checkpoint` record: its number and its facts. */
  signed(): Promise<SignedRow | undefined>;
  /** The path that proves record `seq` in the tree of the first `size` records, hex, lowest first. */
  path(seq: number, size: number): Promise<readonly string[]>;
  /** The intake record of an item. */
  seqOf(intakeId: string): Promise<number | undefined>;
  /** The head of a record, verified. @throws EngineFailure `missing`, `damaged` */
  record(seq: number): Promise<RecordHead>;
  /** Opens the records, for who reads the files of the log. */
  readonly unseal: Unseal;
}
/** As the index has it, under `signed` in `meta`. */
export interface SignedRow {
  readonly seq: number;
  readonly facts: unknown;
}

export function createLogEvidence(
  log: Pick<CommitLog, 'head' | 'record'>,
  index: IndexDb,
  memory: IndexMemory,
  unseal: Unseal,
): LogEvidence {
  const roots = subtreeRoots(index, async (seq) => (await log.record(seq)).record.hash);
  let name: string | undefined;
  return {
    get tree() {
      return memory.tree;
    },
    name: async () => {
      name ??= (await log.record(1)).record.hash;
      return name;
    },
    unseal,
    signed: async () => (await index.meta.get('signed')) as SignedRow | undefined,
    path: async (seq, size) => (await inclusionPath(seq - 1, size, roots)).map((node) => node.toString('hex')),
    seqOf: async (intakeId) => (await index.intake.get(intakeId))?.recordSeq,
    record: (seq) => log.record(seq),
  };
}

/** Roots of complete subtrees: the kept ones from the index, the small ones from the records. */
function subtreeRoots(index: IndexDb, hashOf: (seq: number) => Promise<string>): SubtreeRoot {
  return async (level, place) => {
    if (level >= keptLevel) {
      const kept = await index.tree.get(treeKey(level, place));
      if (kept !== undefined) return Buffer.from(kept.root, 'hex');
    }
    const leaves: Buffer[] = [];
    for (let n = place * 2 ** level; n < (place + 1) * 2 ** level; n += 1) leaves.push(leafOf(await hashOf(n + 1)));
    return grown(noLeaves, leaves).nodes[0] ?? lostLeaf;
  };
}
