import { randomUUID } from 'node:crypto';
import { exhaustMap, firstValueFrom, from, merge, Subject, type Subscription, timer } from 'rxjs';
import { asFailure, EngineFailure } from '../../streams/failure.ts';
import { exclusive } from '../exclusive.ts';
import type { OpenedCommitLog } from '../store/commit-log.ts';
import type { CommitLog, LogPosition, LogRecord, WaitingRecords } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import { genesisHash, type RecordHead } from '../store/record.ts';
import { BodyStore, type Stored } from './body-store.ts';
import { DropRows } from './drop-rows.ts';
import type { Follower } from './follower.ts';
import { GroupWrite, type Seat } from './group-write.ts';
import { destroySalts, dropPayloads } from './shared-drop.ts';
import type { SharedLogOptions, Turn, Written } from './shared-log.types.ts';
import { decodeRow, hasBody, prepareAll, sliceOf, takeGroup } from './shared-records.ts';
import type { Vault } from './vault.types.ts';

/** A worker learns so soon of what others have written while it writes nothing itself. */
const lookEveryMs = 100;
/** Waits between attempts to reach the database; a server takes over in some 25 s, but no sender waits that long. */
const restsMs = [50, 100, 250, 500, 1_000] as const;
const patienceMs = 20_000;

/**
 * The commit log of a cluster (D-104): rows of PostgreSQL that several workers append to, each group in one transaction
 * that holds the row of the log; the index of each worker is a fold of it, and goes on folding what others write.
 * After a failure nothing more is promised on it, as of a log in files: who opened it closes it and opens another.
 *
 * What waits is bounded by its callers: each has one append under way, and counts its bytes.
 */
export class SharedLog implements OpenedCommitLog {
  readonly recovery = { tornBytes: 0, damaged: [], folded: 0 };
  readonly isEncrypted: boolean;
  readonly #options: SharedLogOptions;
  readonly #follower: Follower;
  readonly #session = randomUUID();
  readonly #seat: Seat = { last: undefined, isKeyKnown: false };
  readonly #looking: Subscription;
  readonly #end$ = new Subject<void>();
  /** Null where bodies go into the database. */
  readonly #bodies: BodyStore | null;
  readonly #dropping = exclusive();
  readonly #oneByOne = exclusive();
  #waiting: Waiting[] = [];
  #underWay: readonly Waiting[] = [];
  #turn: Turn | null = null;
  #running: Promise<void> | null = null;
  #look: Promise<void> = Promise.resolve();
  #batch = 0;
  #failure: EngineFailure | null = null;
  #ending = false;

  constructor(options: SharedLogOptions, follower: Follower) {
    this.#options = options;
    this.#follower = follower;
    const { vault, seal, now } = options;
    this.isEncrypted = seal !== null;
    const ready = (): void => {
      this.#running ??= this.#run();
    };
    this.#bodies = vault === null ? null : new BodyStore({ vault, seal, now, ready });
    this.#looking = timer(lookEveryMs, lookEveryMs, options.clock)
      .pipe(
        exhaustMap(() => {
          this.#look = this.#lookOnce();
          return from(this.#look);
        }),
      )
      .subscribe();
    void follower.failed.then((failure) => this.#fail(failure));
  }

  get head(): LogPosition {
    return this.#follower.position;
  }

  get waiting(): WaitingRecords {
    const unstored = this.#bodies?.unstored ?? [];
    const all = [...(this.#bodies?.unwritten ?? []), ...unstored, ...this.#underWay, ...this.#waiting];
    const bodySince = oldestOf(unstored);
    return { count: all.length, since: oldestOf(all), ...(bodySince === null ? {} : { bodySince }) };
  }

  append: CommitLog['append'] = (draft) => {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#ending) return Promise.reject(new EngineFailure('stopping'));
    return new Promise((resolve, reject) => {
      const waiting = { draft, at: this.#options.now(), resolve, reject };
      if (this.#bodies !== null && hasBody(draft)) return this.#bodies.add(waiting);
      this.#waiting.push(waiting);
      this.#running ??= this.#run();
    });
  };

  appendChunk: CommitLog['appendChunk'] = (payload) => this.append({ kind: 'chunk', facts: null, payload });

  deciding: CommitLog['deciding'] = (work) =>
    this.#oneByOne(() => {
      if (this.#failure !== null) return Promise.reject(this.#failure);
      if (this.#ending) return Promise.reject(new EngineFailure('stopping'));
      return new Promise((resolve, reject) => {
        this.#turn = { work, resolve, reject };
        this.#running ??= this.#run();
      });
    });

  record = async (seq: number): Promise<RecordHead> => {
    if (seq > this.head.seq) throw new EngineFailure('missing', `record ${seq}`);
    return decodeRow(await this.#options.rows.read(seq), this.#options.seal).head;
  };

  slice: CommitLog['slice'] = (seq, offset, length) => sliceOf(this.#options, seq, offset, length);

  async *records(afterSeq: number): AsyncGenerator<LogRecord> {
    const { seq: last } = this.head;
    let before = afterSeq > 0 ? (await this.record(afterSeq)).record.hash : genesisHash;
    for (let seq = afterSeq; seq < last; ) {
      const rows = await this.#options.rows.readAfter(seq, last, recordsAtOnce);
      if (rows.length === 0) throw new EngineFailure('damaged', `record ${seq + 1} is not there`);
      for (const row of rows) {
        const { head } = decodeRow(row, this.#options.seal);
        if (row.seq !== seq + 1 || head.previousHash !== before)
          throw new EngineFailure('damaged', `record ${row.seq} does not continue the one before`);
        yield head.record;
        before = head.record.hash;
        seq = row.seq;
      }
    }
  }

  destroy: CommitLog['destroy'] = async (seqs) => {
    if (this.isEncrypted) await this.#drop((rows) => destroySalts(rows, seqs));
  };

  drop: CommitLog['drop'] = (seqs) =>
    this.#drop((rows) => {
      const store: Vault['store'] = async (...given) => (await this.#bodies?.apart(...given)) ?? [];
      return dropPayloads({ rows, vault: this.#options.vault, store }, seqs);
    });

  #drop<T>(work: (rows: DropRows) => Promise<T>): Promise<T> {
    return this.#dropping(async () => {
      if (this.#failure !== null) throw this.#failure;
      if (this.#ending) throw new EngineFailure('stopping');
      const { postgres, rows } = this.#options;
      return work(new DropRows(postgres, rows.id));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    this.#looking.unsubscribe();
    this.#end$.next();
    await this.#bodies?.end();
    await this.#running;
    await this.#look;
    await this.#follower.end();
  }

  async #run(): Promise<void> {
    // At least one turn: what is appended in the same one shares the group.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#turn !== null || this.#bodies?.isReady === true) {
      const turn = this.#turn;
      this.#turn = null;
      const group = takeGroup(this.#waiting);
      const stored = this.#bodies?.take() ?? null;
      this.#underWay = [...group, ...(stored?.group ?? [])];
      await this.#commit(group, stored, turn).catch((error: unknown) => {
        const failure = asFailure(error);
        this.#fail(failure);
        for (const { reject } of this.#underWay) reject(failure);
        turn?.reject(failure);
      });
      this.#underWay = [];
    }
    this.#running = null;
  }

  async #commit(group: readonly Waiting[], stored: Stored | null, turn: Turn | null): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await this.#follower.room();
    const prepared = [...prepareAll(group, this.#options.seal), ...(stored?.prepared ?? [])];
    if (prepared.length === 0 && turn === null) return;
    this.#batch += 1;
    const [session, batch, seat] = [this.#session, this.#batch, this.#seat];
    const parts = { prepared, stored: stored?.places ?? null, turn, session, batch, seat, append: this.append };
    const write = new GroupWrite(this.#options, this.#follower, parts);
    try {
      this.#follower.own(await this.#insist(write));
    } catch (error) {
      write.giveUp(asFailure(error));
      throw error;
    }
  }

  async #insist(write: GroupWrite): Promise<Written> {
    const { clock } = this.#options;
    const until = clock.now() + patienceMs;
    for (let tries = 0; ; tries += 1) {
      try {
        return await write.try();
      } catch (error) {
        const restMs = restsMs[Math.min(tries, restsMs.length - 1)] ?? restsMs[0];
        if (clock.now() + restMs > until || this.#follower.failure !== null) throw error;
        await firstValueFrom(timer(restMs, clock));
      }
    }
  }

  /** Nobody appends here: what others have written is folded all the same. */
  async #lookOnce(): Promise<void> {
    const { clock, rows } = this.#options;
    const until = clock.now() + patienceMs;
    while (!this.#ending && this.#failure === null) {
      try {
        const { seq } = await rows.head();
        return await this.#follower.to(seq);
      } catch (error) {
        if (this.#ending) return;
        if (clock.now() > until) return this.#fail(asFailure(error));
        await firstValueFrom(merge(timer(lookEveryMs, clock), this.#end$));
      }
    }
  }

  #fail(failure: EngineFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#follower.giveUp(failure);
    this.#options.failed(failure);
  }
}

/** When the oldest was handed over; null: there is none. */
const oldestOf = (waiting: readonly Waiting[]): number | null =>
  waiting.length === 0 ? null : Math.min(...waiting.map(({ at }) => at));

const recordsAtOnce = 256;
