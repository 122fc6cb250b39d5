import { asFailure, EngineFailure } from '../../streams/failure.ts';
import type { LogPosition, LogRecord } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import type { LogRows } from './log-rows.ts';
import type { LogSeal } from './log-seal.ts';
import type { Written } from './shared-log.types.ts';
import { decodeRow } from './shared-records.ts';

/** As many as one index batch takes without a pause that is felt. */
const recordsAtOnce = 256;

export interface FollowerParts {
  readonly rows: Pick<LogRows, 'readAfter'>;
  readonly seal: LogSeal | null;
  readonly fold: (group: readonly LogRecord[], elsewhere?: boolean) => Promise<void>;
  readonly start: LogPosition;
}

interface Next {
  readonly record: LogRecord;
  readonly previousHash: string;
}
interface Own extends Next {
  readonly waiting: Waiting | undefined;
}

/**
 * Folds the log into the index of this worker, in its order and without a gap: what this worker has written as it has it,
 * what others have written as it is read. What cannot be read now is read at the next call; a fold that fails, or a log
 * that is not the one which was folded so far, ends it.
 */
export class Follower {
  readonly #parts: FollowerParts;
  #position: LogPosition;
  /** Written here and not folded yet, by number. */
  readonly #own = new Map<number, Own>();
  #running: Promise<void> = Promise.resolve();
  #before: Promise<void> = Promise.resolve();
  #failure: EngineFailure | null = null;
  #isEnded = false;
  #tell: (failure: EngineFailure) => void = () => undefined;
  /** Resolves when nothing more is folded; never where all goes well. */
  readonly failed = new Promise<EngineFailure>((resolve) => {
    this.#tell = resolve;
  });

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#position = parts.start;
  }

  get position(): LogPosition {
    return this.#position;
  }

  get failure(): EngineFailure | null {
    return this.#failure;
  }

  /** Resolves when all up to this record is folded. @throws EngineFailure `stopping` after the end */
  to(seq: number): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (seq <= this.#position.seq) return Promise.resolve();
    if (this.#isEnded) return Promise.reject(new EngineFailure('stopping'));
    const run = this.#running.then(() => this.#advance(seq));
    this.#before = this.#running;
    this.#running = run.catch(() => undefined);
    return run;
  }

  /**
   * Takes a group that was written here; who waits for a record hears of it once it is folded. Where it cannot be read
   * now what stands before it, the next call of `to` does that.
   */
  own({ records, waiting, after }: Written): void {
    let previousHash = after.hash;
    records.forEach((record, at) => {
      const own = { record, previousHash, waiting: waiting[at] };
      previousHash = record.hash;
      // It stood in the log before we heard of it, and may have been read there.
      if (record.seq <= this.#position.seq) own.waiting?.resolve(record);
      else if (this.#failure !== null) own.waiting?.reject(this.#failure);
      else this.#own.set(record.seq, own);
    });
    const last = records.at(-1);
    if (last !== undefined) this.to(last.seq).catch(() => undefined);
  }

  /**
   * Compares with the log as it stands while its row is locked: what was folded must be the beginning of it. It is not
   * where a server took over that had less, or where the database was put back to an earlier time.
   * @throws EngineFailure `index-unknown`
   */
  compare({ seq, hash }: LogPosition): void {
    const { seq: folded, hash: known } = this.#position;
    if (folded < seq || (folded === seq && known === hash)) return;
    const text = `the index knows another record ${folded} than the log in the database, which ends at ${seq}`;
    const failure = new EngineFailure('index-unknown', text);
    this.giveUp(failure);
    throw failure;
  }

  /** Nothing more is folded. What waits is durable, but the index may not know it before a start has folded it. */
  giveUp(failure: EngineFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    for (const { waiting } of this.#own.values()) waiting?.reject(failure);
    this.#own.clear();
    this.#tell(failure);
  }

  /** Resolves when no more than one group waits to be folded. */
  async room(): Promise<void> {
    await this.#before;
  }

  /** Resolves when all that was written here is folded, or given up; nothing is folded after it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#running;
    if (this.#own.size > 0) this.giveUp(new EngineFailure('store-failed', 'the log was closed before all was folded'));
  }

  async #advance(seq: number): Promise<void> {
    while (this.#position.seq < seq) {
      if (this.#failure !== null) throw this.#failure;
      const group = await this.#next(seq);
      try {
        await this.#fold(group);
      } catch (error) {
        this.giveUp(asFailure(error));
        throw error;
      }
    }
  }

  /** @throws what the database throws */
  async #next(upTo: number): Promise<readonly Next[]> {
    const { seq } = this.#position;
    const own = this.#ownFrom(seq + 1);
    if (own.length > 0) return own;
    const { rows: log, seal } = this.#parts;
    const rows = await log.readAfter(seq, upTo, recordsAtOnce);
    if (rows.length === 0) throw new EngineFailure('store-failed', `record ${seq + 1} of the log is not there`);
    try {
      return rows.map((row) => {
        const { head, record } = decodeRow(row, seal);
        return { record, previousHash: head.previousHash };
      });
    } catch (error) {
      this.giveUp(asFailure(error));
      throw error;
    }
  }

  #ownFrom(first: number): readonly Own[] {
    const group: Own[] = [];
    for (let next = this.#own.get(first); next !== undefined && group.length < recordsAtOnce; ) {
      group.push(next);
      next = this.#own.get(first + group.length);
    }
    return group;
  }

  async #fold(group: readonly Next[]): Promise<void> {
    let { seq, hash } = this.#position;
    for (const { record, previousHash } of group) {
      seq += 1;
      if (record.seq !== seq || previousHash !== hash)
        throw new EngineFailure('damaged', `record ${record.seq} does not continue the one before`);
      hash = record.hash;
    }
    const [first] = group;
    const elsewhere = first !== undefined && !this.#own.has(first.record.seq);
    await this.#parts.fold(
      group.map(({ record }) => record),
      elsewhere,
    );
    this.#position = { seq, hash };
    for (const { record } of group) {
      this.#own.get(record.seq)?.waiting?.resolve(record);
      this.#own.delete(record.seq);
    }
  }
}
