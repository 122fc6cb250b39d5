import { randomInt } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { exclusive } from '../exclusive.ts';
import type { Damage } from './bytes.types.ts';
import type { CommitLog, LogPosition, LogRecord, WaitingRecords } from './commit-log.types.ts';
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts';
import { withParticulars } from './particulars.ts';
import { genesisHash, markLimit, type RecordHead } from './record.ts';

/** Places of damage listed; a whole disk gone bad needs no longer list. */
const maxDamaged = 1_000;
const rebuild = 'run `daybook rebuild-index`';

export interface CommitLogOptions extends GroupCommitOptions {
  /** Where the index stands; null: it knows nothing, and is made from the whole log. */
  readonly foldedUpTo: LogPosition | null;
  /** Mark of a new log (record.ts); drawn by default. */
  readonly mark?: number;
}

/** What the start found. */
export interface CommitLogRecovery {
  /** Cut off at the end: written in part when the engine stopped, and promised to nobody. */
  readonly tornBytes: number;
  /** Elsewhere; the rest is served. At most 1,000 places. */
  readonly damaged: readonly Damage[];
  /** Records handed to `fold`. */
  readonly folded: number;
}

/** A commit log and how its start went. */
export interface OpenedCommitLog extends CommitLog {
  readonly recovery: CommitLogRecovery;
}

/**
 * Opens the commit log: verifies what the index does not know yet, cuts a torn tail, and folds. Takes `bytes` over and
 * closes them, also when it fails. A log that has failed stays so: close it and open another, so that nobody who
 * was half way through a message goes on with numbers that were lost.
 * @throws EngineFailure `index-unknown` where the index is not a fold of this log, `store-failed`
 */
export async function openCommitLog(options: CommitLogOptions): Promise<OpenedCommitLog> {
  try {
    const { recovery, head, mark } = await recover(options);
    return new Log(options, recovery, new GroupCommit(options, { head, mark: mark ?? options.mark ?? randomMark() }));
  } catch (error) {
    await options.bytes[Symbol.asyncDispose]();
    throw error;
  }
}

class Log implements OpenedCommitLog {
  readonly recovery: CommitLogRecovery;
  readonly #options: CommitLogOptions;
  readonly #group: GroupCommit;
  readonly #deciding = exclusive();
  #closing: Promise<void> | undefined;

  constructor(options: CommitLogOptions, recovery: CommitLogRecovery, group: GroupCommit) {
    this.recovery = recovery;
    this.#options = options;
    this.#group = group;
  }

  get head(): LogPosition {
    return this.#group.head;
  }

  get waiting(): WaitingRecords {
    return this.#group.waiting;
  }

  get isEncrypted(): boolean {
    return this.#options.keys !== undefined && this.#options.keys !== null;
  }

  append: CommitLog['append'] = (draft) => this.#group.add(draft);

  deciding: CommitLog['deciding'] = (work) => this.#deciding(() => work(this.append));

  appendChunk: CommitLog['appendChunk'] = (payload) => this.#group.add({ kind: 'chunk', facts: null, payload });

  slice: CommitLog['slice'] = (seq, offset, length, into) => this.#options.bytes.slice(seq, offset, length, into);

  record: CommitLog['record'] = async (seq) => {
    if (seq > this.head.seq) throw new EngineFailure('missing', `record ${seq}`);
    return this.#options.bytes.read(seq);
  };

  destroy: CommitLog['destroy'] = async (seqs) => this.#options.keys?.destroy(seqs);

  drop: CommitLog['drop'] = async (seqs) => {
    const { bytes } = this.#options;
    await this.destroy(seqs);
    if ([...seqs].some((seq) => seq >= bytes.sealedBefore)) await this.#group.between(() => bytes.seal());
    return bytes.drop(seqs);
  };

  async *records(afterSeq: number): AsyncGenerator<LogRecord> {
    const { bytes } = this.#options;
    const { seq: lastSeq } = this.head;
    let before = afterSeq > 0 ? await this.#hashOf(afterSeq) : genesisHash;
    for (let seq = afterSeq + 1; seq <= lastSeq; seq += 1) {
      const { record, previousHash } = await bytes.read(seq);
      if (before !== null && previousHash !== before)
        throw new EngineFailure('damaged', `record ${seq} does not continue the one before`);
      yield record;
      before = record.hash;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Null where the record is lost: what comes after it stands for itself. */
  async #hashOf(seq: number): Promise<string | null> {
    if (seq > this.head.seq) return null;
    const read = this.#options.bytes.read(seq);
    return read.then(({ record }) => record.hash).catch(nullIfLost);
  }

  async #close(): Promise<void> {
    const inOrder = await this.#group.end();
    try {
      if (inOrder) await this.#options.bytes.seal();
    } finally {
      await this.#options.bytes[Symbol.asyncDispose]();
    }
  }
}

interface Recovered {
  readonly recovery: CommitLogRecovery;
  readonly head: LogPosition;
  readonly mark: number | null;
}

async function recover({ bytes, fold, foldedUpTo, maxGroupRecords = 256 }: CommitLogOptions): Promise<Recovered> {
  const damaged: Damage[] = [];
  const note = (damage: Damage): void => {
    if (damaged.length < maxDamaged) damaged.push(damage);
  };
  let last: RecordHead | null = null;
  let tornBytes = 0;
  let folded = 0;
  let group: LogRecord[] = [];
  for await (const found of bytes.scan(foldedUpTo?.seq ?? 1)) {
    if (found.kind === 'damage') note(found.damage);
    else if (found.kind === 'torn') tornBytes += found.bytes;
    else {
      const { head, file, offset } = found;
      if (last === null) checkIndex(foldedUpTo, head, damaged);
      if (!continues(head, last)) {
        note({ file, offset, text: `record ${head.record.seq} does not continue the record before it` });
      }
      last = head;
      if (head.record.seq === foldedUpTo?.seq) continue;
      group.push(await withParticulars(bytes, head.record));
      if (group.length < maxGroupRecords) continue;
      await fold(group);
      folded += group.length;
      group = [];
    }
  }
  if (last === null) checkIndex(foldedUpTo, null, damaged);
  await bytes.ready();
  if (group.length > 0) await fold(group);
  folded += group.length;
  const hash = last?.record.hash ?? genesisHash;
  const head = { seq: bytes.nextSeq - 1, hash };
  return { recovery: { tornBytes, damaged, folded }, head, mark: last?.mark ?? null };
}

/** The first record found must be the very one up to which the index was folded. */
function checkIndex(foldedUpTo: LogPosition | null, first: RecordHead | null, damaged: readonly Damage[]): void {
  if (foldedUpTo === null || first?.record.hash === foldedUpTo.hash) return;
  const { seq } = foldedUpTo;
  const what =
    first?.record.seq === seq
      ? `the index was made from another record ${seq}`
      : `the index knows record ${seq}, which the commit log does not have`;
  const place = damaged[0] === undefined ? '' : ` (${damaged[0].file} at ${damaged[0].offset}: ${damaged[0].text})`;
  throw new EngineFailure('index-unknown', `${what}${place}; ${rebuild}`);
}

/** After damage there is no record before to compare with. */
function continues({ record, previousHash }: RecordHead, last: RecordHead | null): boolean {
  if (record.seq === 1) return previousHash === genesisHash;
  return last === null || last.record.seq + 1 !== record.seq || previousHash === last.record.hash;
}

/** A record that is lost counts as none. @throws all else */
export function nullIfLost(error: unknown): null {
  if (error instanceof EngineFailure && (error.code === 'damaged' || error.code === 'missing')) return null;
  throw error;
}

const randomMark = (): number => randomInt(1, markLimit);
