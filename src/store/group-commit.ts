import { asFailure, EngineFailure } from '../../streams/failure.ts';
import type { Bytes } from './bytes.types.ts';
import type { LogPosition, LogRecord, RecordDraft, WaitingRecords } from './commit-log.types.ts';
import type { Between, Entry, Waiting } from './group-commit.types.ts';
import { encodeRecord, lengthOf } from './record.ts';
import type { KeysBySeq, RecordKeys } from './record-keys.ts';
import { sealRecord } from './sealed-record.ts';

/** 16 MB go to disk in some 20 ms: what arrives meanwhile waits no longer than that. */
const defaultMaxGroupBytes = 16 * 1024 * 1024;
/** As many as one index batch takes without a pause that is felt. */
const defaultMaxGroupRecords = 256;

/** Chunks of many large messages at once are synced and folded, before any of the messages is whole, after so many. */
const maxUnfoldedChunks = 1_024;

export interface GroupCommitOptions {
  readonly bytes: Bytes;
  /** Seals every record under these keys; absent: records are written in clear. */
  readonly keys?: RecordKeys | undefined;
  /** Epoch ms. */
  readonly now: () => number;
  /** Makes the index know durable records. They come in order, without a gap, one group at a time. */
  readonly fold: (group: readonly LogRecord[]) => Promise<void>;
  /** Of a group; one record larger than this goes alone. Default 16 MB. */
  readonly maxGroupBytes?: number;
  /** Default 256. */
  readonly maxGroupRecords?: number;
  /** Told once, when nothing more is promised on this log. */
  readonly failed?: (failure: EngineFailure) => void;
  /** Asked before a group is written; false refuses it with `store-full`. */
  readonly checkFree?: (bytes: number) => boolean | Promise<boolean>;
}

/**
 * Group commit without a timer: whatever waits when the last sync has returned goes out in one write and one sync. While
 * a group is folded the next one is already written; not more than two groups are durable and not yet folded.
 *
 * What waits is bounded by its callers: each has one append under way, and counts its bytes.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #mark: number;
  readonly #maxBytes: number;
  readonly #maxRecords: number;
  #waiting: Waiting[] = [];
  /** Groups that are being written or folded, the oldest first. */
  readonly #underWay = new Set<readonly Waiting[]>();
  /** Steps that must not run beside a write, each with what ends its caller's wait. */
  #between: Between[] = [];
  #running: Promise<void> | null = null;
  #fold: Promise<void> = Promise.resolve();
  #foldBefore: Promise<void> = Promise.resolve();
  #failure: EngineFailure | null = null;
  #foldFailure: EngineFailure | null = null;
  #ending = false;
  /** Chunks written since the last group that was synced: durable, and folded, with the next one. Without their bytes. */
  #chunks: LogRecord[] = [];
  /** The last record written: the next one continues it. */
  #written: LogPosition;
  /** The last record known to be durable. */
  #head: LogPosition;

  constructor(options: GroupCommitOptions, start: { readonly head: LogPosition; readonly mark: number }) {
    this.#options = options;
    this.#mark = start.mark;
    this.#written = start.head;
    this.#head = start.head;
    this.#maxBytes = options.maxGroupBytes ?? defaultMaxGroupBytes;
    this.#maxRecords = options.maxGroupRecords ?? defaultMaxGroupRecords;
  }

  get head(): LogPosition {
    return this.#head;
  }

  get waiting(): WaitingRecords {
    const [oldest = this.#waiting] = this.#underWay;
    let { length: count } = this.#waiting;
    for (const group of this.#underWay) count += group.length;
    return { count, since: oldest[0]?.at ?? null };
  }

  /** Resolves when the record is durable and folded; a chunk already when it is written. */
  add(draft: RecordDraft): Promise<LogRecord> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#ending) return Promise.reject(new EngineFailure('stopping'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, at: this.#options.now(), resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /**
   * Runs `step` while nothing is written, before what waits. One that fails with anything but `store-full` leaves the log
   * failed, as a write would.
   */
  between(step: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#ending) return Promise.reject(new EngineFailure('stopping'));
    return new Promise((resolve, reject) => {
      this.#between.push({ step, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes no more, and waits for all that was taken. Answers whether the log is in order. */
  async end(): Promise<boolean> {
    this.#ending = true;
    await this.#running;
    await this.#fold;
    return this.#failure === null;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length + this.#between.length > 0) {
      for (const each of this.#between.splice(0)) await this.#runBetween(each);
      if (this.#waiting.length === 0) continue;
      // At least one turn: what is appended in the same one shares the group.
      await this.#foldBefore;
      const group = this.#take();
      this.#underWay.add(group);
      try {
        if (this.#failure !== null) throw this.#failure;
        await this.#commit(group);
      } catch (error) {
        const failure = asFailure(error);
        if (failure.code !== 'store-full') this.#fail(failure);
        this.#underWay.delete(group);
        for (const { reject } of group) reject(failure);
      }
    }
    this.#running = null;
  }

  async #runBetween({ step, resolve, reject }: Between): Promise<void> {
    try {
      if (this.#failure !== null) throw this.#failure;
      await step();
      resolve();
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code !== 'store-full') this.#fail(failure);
      reject(failure);
    }
  }

  #fail(failure: EngineFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#options.failed?.(failure);
  }

  /** The front of the queue, as much as one group holds. */
  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { draft } of this.#waiting) {
      bytes += lengthOf(draft.payload);
      if (count >= this.#maxRecords || (count > 0 && bytes > this.#maxBytes)) break;
      count += 1;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const { bytes, checkFree, keys } = this.#options;
    const { seq } = this.#written;
    const keyOf = keys === undefined ? undefined : await keys.ready(seq + 1, seq + group.length);
    const entries = this.#encode(group, keyOf);
    const encoded = entries.map((entry) => entry.encoded);
    const last = encoded.at(-1)?.record;
    if (last === undefined) return void this.#underWay.delete(group);
    if (checkFree !== undefined) {
      const size = encoded.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      if (!(await checkFree(size))) throw new EngineFailure('store-full');
    }
    const counting = entries.filter((entry) => entry.encoded.record.kind !== 'chunk');
    const isSynced = counting.length > 0 || this.#chunks.length + encoded.length > maxUnfoldedChunks;
    await bytes.append(encoded, isSynced);
    this.#written = { seq: last.seq, hash: last.hash };
    for (const {
      waiting,
      encoded: { record },
    } of entries)
      if (record.kind === 'chunk') waiting.resolve(record);
    const records = [...this.#chunks, ...encoded.map(({ record }) => record)];
    this.#chunks = isSynced ? [] : records;
    if (!isSynced) return void this.#underWay.delete(group);
    this.#head = this.#written;
    this.#startFold(group, counting, records);
  }

  /** Gives each draft its place: the numbers count only once the group is written. */
  #encode(group: readonly Waiting[], keyOf: KeysBySeq | undefined): Entry[] {
    const at = this.#options.now();
    let { seq, hash } = this.#written;
    const entries: Entry[] = [];
    for (const waiting of group) {
      try {
        const plain = encodeRecord(waiting.draft, { seq: seq + 1, at, mark: this.#mark, previousHash: hash });
        const encoded = keyOf === undefined ? plain : sealRecord(plain, keyOf(seq + 1));
        ({ seq, hash } = encoded.record);
        entries.push({ waiting, encoded });
      } catch (error) {
        // A draft that cannot be written is its caller's bug; the others of the group have no part in it.
        waiting.reject(error);
      }
    }
    return entries;
  }

  #startFold(group: readonly Waiting[], entries: readonly Entry[], records: readonly LogRecord[]): void {
    this.#foldBefore = this.#fold;
    this.#fold = this.#fold
      .then(() => {
        if (this.#foldFailure !== null) throw this.#foldFailure;
        return this.#options.fold(records);
      })
      .then(() => {
        this.#underWay.delete(group);
        for (const { waiting, encoded } of entries) waiting.resolve(encoded.record);
      })
      .catch((error: unknown) => {
        // The records are durable, the index may not know them: nothing is promised until a start has folded them.
        const failure = asFailure(error);
        this.#foldFailure ??= failure;
        this.#underWay.delete(group);
        this.#fail(failure);
        for (const { waiting } of entries) waiting.reject(failure);
      });
  }
}
