import type { KeyObject } from 'node:crypto';
import { isSignedBy, readSignedHead, type SignedHead } from '../evidence/head.ts';
import { type Frontier, grown, leafOf, noLeaves, rootOf } from '../merkle.ts';
import type { CommandFacts, IntakeFacts, LogRecord } from '../store/commit-log.types.ts';
import type { FileFault } from '../store/leveldb-check.ts';
import { frontierOf, lostLeaf } from '../store/log-tree.ts';
import { genesisHash, type RecordHead } from '../store/record.ts';
import { toldIn } from '../store/restated.ts';

/** A head is signed over records that are not far behind its own; further back it could not have been. */
const sizesKept = 8_192;

/** Where an audit stands: what the next record must follow from. */
export interface AuditPoint {
  /** Records gone through. */
  readonly size: number;
  /** Complete subtrees of their tree, hex. */
  readonly nodes: readonly string[];
  /** Hashes of the last record and of the first. */
  readonly hash: string;
  readonly name: string;
}

/**
 * Goes through the records of a log in order and notes what does not follow from what came before: a record that does not
 * continue the last, a signed head whose tree or signature is another, a payload that is gone without a tombstone.
 */
export class LogAudit {
  readonly faults: FileFault[] = [];
  records = 0;
  /** Payloads deleted by policy, a tombstone for each. */
  deleted = 0;
  heads = 0;
  /** Records that nobody looked into, for want of their key. */
  unread = 0;
  lastHead: SignedHead | null = null;
  #tree: Frontier = noLeaves;
  #name = '';
  #last: { readonly seq: number; readonly hash: string } = { seq: 0, hash: genesisHash };
  readonly #publicKeys: readonly KeyObject[];
  readonly #asked: ReadonlySet<number>;
  /** Hashes of the records that were asked for. */
  readonly hashes = new Map<number, string>();
  /** Roots by size, the youngest last. */
  readonly #recent = new Map<number, Frontier>();
  readonly #roots = new Map<number, string>();
  /** Gone payloads and whose they were, until the tombstone is met. */
  readonly #gone = new Map<number, { readonly file: string; owners: readonly string[] }>();

  /** The tree was not seen while it had fewer records. */
  readonly #startSize: number;

  /** `asked`: sizes whose root, and records whose hash, somebody will compare. `from`: what an earlier audit came to. */
  constructor(publicKeys: readonly KeyObject[], asked: readonly number[], from: AuditPoint | null = null) {
    this.#publicKeys = publicKeys;
    this.#asked = new Set(asked);
    this.#startSize = from?.size ?? 0;
    if (from === null) return;
    this.#tree = frontierOf(from);
    this.#recent.set(from.size, this.#tree);
    this.#last = { seq: from.size, hash: from.hash };
    this.#name = from.name;
  }

  get point(): AuditPoint {
    const nodes = this.#tree.nodes.map((node) => node.toString('hex'));
    return { size: this.size, nodes, hash: this.#last.hash, name: this.#name };
  }

  get size(): number {
    return this.#tree.size;
  }

  get root(): string {
    return rootOf(this.#tree).toString('hex');
  }

  get name(): string {
    return this.#name;
  }

  /** Root of the tree of that size, where it was asked for. */
  rootAt(size: number): string | undefined {
    return this.#roots.get(size);
  }

  add(
    { record, previousHash }: RecordHead,
    { file, isDropped, isUnread }: { readonly file: string; readonly isDropped: boolean; readonly isUnread: boolean },
  ): void {
    const { seq, hash } = record;
    const fault = (text: string): void => void this.faults.push({ file, text });
    if (seq === this.#last.seq + 1 && previousHash !== this.#last.hash) {
      fault(`record ${seq} does not continue the record before it`);
    }
    this.#last = { seq, hash };
    if (seq === 1) this.#name = hash;
    this.records += 1;
    if (isUnread) this.unread += 1;
    // The loss itself is named; the tree goes on as the engine's own did.
    const lost = Array.from({ length: Math.max(0, seq - 1 - this.#tree.size) }, () => lostLeaf);
    this.#tree = grown(this.#tree, [...lost, leafOf(hash)]);
    this.#recent.set(this.#tree.size, this.#tree);
    if (this.#recent.size > sizesKept) this.#recent.delete(this.#tree.size - sizesKept);
    if (this.#asked.has(this.#tree.size)) this.#roots.set(this.#tree.size, this.root);
    if (this.#asked.has(seq)) this.hashes.set(seq, hash);
    this.#follow(record, isDropped, file);
    if (record.kind === 'checkpoint') this.#checkHead(record, fault);
  }

  /** What is missing at the end; where records were not looked into, a tombstone may be among them. */
  end(): void {
    if (this.unread > 0) return;
    for (const [seq, { file }] of this.#gone) {
      this.faults.push({ file, text: `the payload of record ${seq} is gone, and no tombstone says so` });
    }
  }

  #checkHead({ seq, facts }: LogRecord, fault: (text: string) => void): void {
    const head = readSignedHead(facts);
    if (head === null) {
      fault(`record ${seq} is no signed head`);
      return;
    }
    this.heads += 1;
    this.lastHead = head;
    const tree = this.#recent.get(head.size);
    if (head.log !== this.#name) fault(`the head in record ${seq} is of another log`);
    else if (tree === undefined ? head.size >= this.#startSize : rootOf(tree).toString('hex') !== head.root) {
      fault(`the head in record ${seq} was signed over other records`);
    }
    if (!this.#publicKeys.some((key) => isSignedBy(head, key))) {
      fault(`the head in record ${seq} is not signed by a key in evidence.pub`);
    }
  }

  #follow({ seq, kind, facts }: LogRecord, isDropped: boolean, file: string): void {
    if (isDropped) this.#gone.set(seq, { file, owners: [] });
    if (facts === undefined) return;
    if (kind === 'intake') {
      const { targets, chunks } = facts as IntakeFacts;
      const owners = targets.map(({ intakeId }) => intakeId);
      for (const part of [seq, ...chunks.map(([chunk]) => chunk)]) this.#own(part, owners);
    } else this.#own(seq, toldIn({ kind, facts }));
    if (kind === 'command') this.#bury(facts as CommandFacts);
  }

  #own(seq: number, owners: readonly string[]): void {
    const gone = this.#gone.get(seq);
    if (gone !== undefined) gone.owners = owners;
  }

  /** The tombstone names the items; their payloads may have gone since. */
  #bury(facts: CommandFacts): void {
    if (this.#gone.size === 0) return;
    const buried = new Set(buriedBy(facts));
    if (buried.size === 0) return;
    for (const [seq, { owners }] of this.#gone) {
      if (!owners.some((owner) => buried.has(owner))) continue;
      this.#gone.delete(seq);
      this.deleted += 1;
    }
  }
}

/** The intakes whose mail a tombstone says is gone. */
function buriedBy(facts: CommandFacts): readonly string[] {
  if (facts.command === 'purge') return facts.intakeIds;
  return facts.command === 'delete' ? facts.entries.flatMap(({ intakeIds }) => intakeIds) : [];
}
