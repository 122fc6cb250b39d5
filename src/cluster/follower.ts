import { asFailure, EngineFailure } from '../../streams/failure.ts';
import type { LogPosition, LogRecord } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import type { LogRows } from './log-rows.ts';
import { decodeRow } from './shared-records.ts';

/** As many as one index batch takes without a pause that is felt. */
const recordsAtOnce = 256;

export interface FollowerParts {
  readonly rows: Pick<LogRows, 'readAfter'>;
  readonly fold: (group: readonly LogRecord[], elsewhere?: boolean) => Promise<void>;
  readonly start: LogPosition;
}

/**
 * Folds the log into the index of this worker, in its order and without a gap: what this worker has written as it has it,
 * what others have written as it is read.
 */
export class Follower {
  readonly #parts: FollowerParts;
  #position: LogPosition;
  /** Written here and not folded yet, by number. */
  readonly #own = new Map<number, { readonly record: LogRecord; readonly waiting: Waiting | undefined }>();
  #running: Promise<void> = Promise.resolve();
  #before: Promise<void> = Promise.resolve();
  failure: EngineFailure | null = null;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#position = parts.start;
  }

  get position(): LogPosition {
    return this.#position;
  }

  /** Resolves when all up to this record is folded. @throws EngineFailure */
  to(seq: number): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (seq <= this.#position.seq) return Promise.resolve();
    const run = this.#running.then(() => this.#advance(seq));
    this.#before = this.#running;
    this.#running = run.catch(() => undefined);
    return run;
  }

  /** Takes a group that was written here; who waits for a record hears of it once it is folded. */
  own(records: readonly LogRecord[], waiting: readonly Waiting[]): void {
    records.forEach((record, at) => {
      this.#own.set(record.seq, { record, waiting: waiting[at] });
    });
    const last = records.at(-1);
    if (last !== undefined) this.to(last.seq).catch(() => undefined);
  }

  /** Resolves when no more than one group waits to be folded. */
  async room(): Promise<void> {
    await this.#before;
  }

  async end(): Promise<void> {
    await this.#running;
  }

  async #advance(seq: number): Promise<void> {
    try {
      if (this.failure !== null) throw this.failure;
      while (this.#position.seq < seq) await this.#foldNext(seq);
    } catch (error) {
      // The records are durable, the index may not know them: nothing is promised until a start has folded them.
      this.failure ??= asFailure(error);
      for (const { waiting } of this.#own.values()) waiting?.reject(this.failure);
      this.#own.clear();
      throw this.failure;
    }
  }

  async #foldNext(upTo: number): Promise<void> {
    const { seq } = this.#position;
    const own = this.#ownFrom(seq + 1);
    const group = own.length > 0 ? own : await this.#read(seq, upTo);
    const last = group.at(-1);
    if (last === undefined) throw new EngineFailure('store-failed', `record ${seq + 1} of the log is not there`);
    await this.#parts.fold(group, own.length === 0);
    this.#position = { seq: last.seq, hash: last.hash };
    for (const record of group) {
      this.#own.get(record.seq)?.waiting?.resolve(record);
      this.#own.delete(record.seq);
    }
  }

  #ownFrom(first: number): readonly LogRecord[] {
    const records: LogRecord[] = [];
    for (let next = this.#own.get(first); next !== undefined && records.length < recordsAtOnce; ) {
      records.push(next.record);
      next = this.#own.get(first + records.length);
    }
    return records;
  }

  /** What others have written, up to what stands here. */
  async #read(seq: number, upTo: number): Promise<readonly LogRecord[]> {
    let before = this.#position.hash;
    const records: LogRecord[] = [];
    for (const row of await this.#parts.rows.readAfter(seq, upTo, recordsAtOnce)) {
      const { head, record } = decodeRow(row);
      if (record.seq !== seq + records.length + 1 || head.previousHash !== before)
        throw new EngineFailure('damaged', `record ${record.seq} does not continue the one before`);
      if (this.#own.has(record.seq)) break;
      records.push(record);
      before = record.hash;
    }
    return records;
  }
}
