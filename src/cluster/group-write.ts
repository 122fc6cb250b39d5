import { EngineFailure } from '../../streams/failure.ts';
import type { LogRecord } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import { type EncodedRecord, encodeRecord } from '../store/record.ts';
import type { Follower } from './follower.ts';
import type { BodyPlace, LockedHead, WrittenRow } from './log-rows.ts';
import type { Run } from './postgres.ts';
import type { Prepared, SharedLogOptions, Turn, Written } from './shared-log.types.ts';
import { decodeRow, prepare } from './shared-records.ts';
import type { VaultRef } from './vault.types.ts';

export interface GroupParts {
  readonly prepared: readonly Prepared[];
  /** Where the bodies lie, in their order; null: they go into the database. */
  readonly refs: readonly VaultRef[] | null;
  readonly turn: Turn | null;
  /** Of this log, opened once. */
  readonly session: string;
  readonly batch: number;
}

/**
 * A group on its way into the log, with what its turn decides. It may be tried again after it threw: what an earlier try
 * has written, though nobody heard of it, is found by the number of the batch.
 */
export class GroupWrite {
  readonly #options: SharedLogOptions;
  readonly #follower: Follower;
  readonly #parts: GroupParts;
  #turn: Turn | null;
  /** What was decided in an earlier try, of which it is not known whether it stands. */
  #decided: Prepared | null = null;

  constructor(options: SharedLogOptions, follower: Follower, parts: GroupParts) {
    this.#options = options;
    this.#follower = follower;
    this.#parts = parts;
    this.#turn = parts.turn;
  }

  /** @throws what the database throws; then nobody knows what stands */
  try(): Promise<Written> {
    return this.#options.postgres.transaction(async (run) => {
      // Before the row of the log is locked: others append meanwhile.
      const places = await this.#places(run);
      const head = await this.#options.rows.lock(run, this.#options.worker);
      const { session, batch } = this.#parts;
      if (head.last?.session === session && head.last.batch === batch) return this.#readBack(head.last);
      this.#forget(new EngineFailure('store-failed', 'what was decided was not written'));
      await this.#decide(head);
      return this.#write(run, head, places);
    });
  }

  /** No other try follows. */
  giveUp(failure: EngineFailure): void {
    this.#turn?.reject(failure);
    this.#forget(failure);
  }

  /** It was decided on the log as it stood then. */
  #forget(failure: EngineFailure): void {
    this.#decided?.waiting.reject(failure);
    this.#decided = null;
  }

  async #decide(head: LockedHead): Promise<void> {
    if (this.#turn === null) return;
    await this.#follower.to(head.seq);
    const turn = this.#turn;
    this.#turn = null;
    const waiting = await decisionOf(turn, this.#options.now);
    if (waiting !== null) this.#decided = prepare(waiting);
  }

  async #places(run: Run): Promise<readonly BodyPlace[]> {
    const { prepared, refs } = this.#parts;
    const withBody = prepared.filter(({ bodyLength }) => bodyLength > 0);
    const places: readonly BodyPlace[] =
      refs === null
        ? (
            await this.#options.rows.storeBodies(
              run,
              withBody.map(({ body }) => Buffer.concat(body)),
            )
          ).map((body) => ({ body }))
        : refs.map((ref) => ({ ref }));
    return prepared.map((each) => (each.bodyLength > 0 ? (places[withBody.indexOf(each)] ?? null) : null));
  }

  get #all(): readonly Prepared[] {
    const { prepared } = this.#parts;
    return this.#decided === null ? prepared : [...prepared, this.#decided];
  }

  async #write(run: Run, head: LockedHead, places: readonly BodyPlace[]): Promise<Written> {
    const all = this.#all;
    const records: LogRecord[] = [];
    const rows: WrittenRow[] = [];
    let { seq, hash: previousHash } = head;
    all.forEach(({ draft, tail, bodyLength }, at) => {
      seq += 1;
      const encoded: EncodedRecord = encodeRecord(draft, { seq, at: head.at, mark: head.mark, previousHash });
      previousHash = encoded.record.hash;
      records.push(encoded.record);
      rows.push({ seq, head: encoded.head, tail, bodyLength, place: places[at] ?? null });
    });
    const { session, batch } = this.#parts;
    const end = { head: { seq, hash: previousHash }, worker: this.#options.worker, session, batch };
    if (rows.length > 0) await this.#options.rows.write(run, rows, end);
    return { records, waiting: all.map(({ waiting }) => waiting) };
  }

  /** What an earlier try has written. */
  async #readBack({ firstSeq, lastSeq }: NonNullable<LockedHead['last']>): Promise<Written> {
    const rows = await this.#options.rows.readAfter(firstSeq - 1, lastSeq, lastSeq - firstSeq + 1);
    const all = this.#all;
    if (rows.length !== all.length)
      throw new EngineFailure('store-failed', `${rows.length} of ${all.length} records of a group are in the log`);
    this.#decided = null;
    return { records: rows.map((row) => decodeRow(row).record), waiting: all.map(({ waiting }) => waiting) };
  }
}

/** Runs the work of a turn until it appends, and answers with what; null where it ends without. */
function decisionOf({ work, resolve, reject }: Turn, now: () => number): Promise<Waiting | null> {
  return new Promise((answer) => {
    const done = work((draft) => {
      return new Promise((appended, failed) => {
        answer({ draft, at: now(), resolve: appended, reject: failed });
      });
    });
    // An append has been answered by then, and a second answer is none.
    done.then((value) => resolve(value as never), reject).finally(() => answer(null));
  });
}
