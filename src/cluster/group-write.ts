import { EngineFailure } from '../../streams/failure.ts';
import type { Append, LogPosition, LogRecord } from '../store/commit-log.types.ts';
import { type EncodedRecord, encodeRecord, type RecordPlace } from '../store/record.ts';
import type { StoredBodies } from './body-store.ts';
import { decide } from './decide.ts';
import type { Follower } from './follower.ts';
import { hasKeyOf } from './log-key.ts';
import type { Batch, BodyPlace, LastWrite, LockedHead, WrittenRow } from './log-rows.ts';
import { type HeldMailboxes, holdMailboxes, noteFetched } from './mailbox-rows.ts';
import type { Run } from './postgres.ts';
import type { Prepared, SharedLogOptions, Turn, Written } from './shared-log.types.ts';
import { decodeRow, prepare, storedHead } from './shared-records.ts';
import type { VaultRef } from './vault.types.ts';

/** Packs that nothing refers to are swept after a day: who was suspended for long after storing one does not refer to it. */
const refsGoodForMs = 3_600_000;

export interface GroupParts {
  readonly prepared: readonly Prepared[];
  /** Null: bodies go into the database. */
  readonly stored: StoredBodies | null;
  readonly turn: Turn | null;
  /** Of this log, opened once. */
  readonly session: string;
  readonly batch: number;
  /** Of this log, for all its groups. */
  readonly seat: Seat;
  /** For what a decision appends after the record that it came to. */
  readonly append: Append;
}

/** What is settled before the log is locked, on the first try. */
interface Before {
  readonly held: HeldMailboxes;
  readonly places: ReadonlyMap<Prepared, BodyPlace>;
}

/** What is known to be the last that was written in the name of this worker; undefined: it was not looked at yet. */
export interface Seat {
  last: Batch | null | undefined;
  /** A group of this log stands that was written while the key stood: who has the one has the other. */
  isKeyKnown: boolean;
}

/**
 * A group on its way into the log, with what its turn decides. It may be tried again after it threw: what an earlier try
 * has written, though nobody heard of it, is found by the number of the batch.
 */
export class GroupWrite {
  readonly #options: SharedLogOptions;
  readonly #follower: Follower;
  readonly #parts: GroupParts;
  readonly #refs: ReadonlyMap<Prepared, VaultRef>;
  #prepared: readonly Prepared[];
  #turn: Turn | null;
  /** What was decided in an earlier try, of which it is not known whether it stands. */
  #decided: Prepared | null = null;
  #isFirstTry = true;

  constructor(options: SharedLogOptions, follower: Follower, parts: GroupParts) {
    this.#options = options;
    this.#follower = follower;
    this.#parts = parts;
    this.#prepared = parts.prepared;
    this.#turn = parts.turn;
    const refs = parts.stored?.refs ?? [];
    this.#refs = new Map(withBody(parts.prepared).flatMap((each, at) => (refs[at] ? [[each, refs[at]]] : [])));
  }

  /** @throws what the database throws; then nobody knows what stands */
  async try(): Promise<Written> {
    const { postgres, rows } = this.#options;
    // What a decision must look at is folded before it keeps the others from appending, but for the last of it.
    if (this.#turn !== null) await this.#follower.to((await rows.head()).seq);
    const isFirstTry = this.#isFirstTry;
    this.#isFirstTry = false;
    const written = await postgres.transaction(async (run) => {
      // Before the row of the log is locked: others append meanwhile. What stands already must not be stored twice.
      const early = isFirstTry ? await this.#before(run) : null;
      const head = await rows.lock(run);
      this.#follower.compare(head);
      const standing = await this.#standing(run, isFirstTry);
      if (standing !== null) return this.#readBack(run, standing);
      await this.#refuseLostKey(run, isFirstTry);
      this.#refuseSwept(head);
      this.#forget(new EngineFailure('store-failed', 'what was decided was not written'));
      await this.#decide(head);
      return this.#write(run, head, early ?? (await this.#before(run)));
    });
    const { session, batch, seat } = this.#parts;
    if (written.records.length > 0) {
      seat.last = { session, batch };
      seat.isKeyKnown = true;
    }
    return written;
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

  /**
   * What stands of this very group by an earlier try, or null. The row of the log is held meanwhile, so it is not asked for
   * where it is known: the write itself sees whether that is still so. @throws EngineFailure where somebody else writes
   * under the same name: then nobody could tell any more
   */
  async #standing(run: Run, isFirstTry: boolean): Promise<LastWrite | null> {
    const { session, batch, seat } = this.#parts;
    if (isFirstTry && seat.last !== undefined) return null;
    const last = await this.#options.rows.lastWrite(run, this.#options.worker);
    if (isSame(last, { session, batch })) return last;
    if (seat.last !== undefined && !isSame(last, seat.last)) {
      const failure = new EngineFailure('store-failed', `another engine writes as the worker ${this.#options.worker}`);
      this.#follower.giveUp(failure);
      throw failure;
    }
    seat.last = last;
    return null;
  }

  /**
   * A server that took over may lack the key that this worker has read, or have another: what was sealed with it could never
   * be read again. Once a group stands whose transaction has seen the key, a server without the key lacks that group too.
   */
  async #refuseLostKey(run: Run, isFirstTry: boolean): Promise<void> {
    const { rows, seal } = this.#options;
    if (seal === null || (isFirstTry && this.#parts.seat.isKeyKnown) || (await hasKeyOf(run, { rows, seal }))) return;
    const failure = new EngineFailure(
      'key-unusable',
      'the database has another key of the log, or none: a server took over',
    );
    this.#follower.giveUp(failure);
    throw failure;
  }

  /** By no clock of its own, which may have stood still with the worker: a sweep says beforehand what it may take. */
  #refuseSwept({ sweepBegun }: LockedHead): void {
    const { stored } = this.#parts;
    if (stored !== null && stored.at < sweepBegun)
      throw new EngineFailure('store-failed', 'what was stored before a sweep began may have been swept');
  }

  async #decide(head: LockedHead): Promise<void> {
    if (this.#turn === null) return;
    await this.#follower.to(head.seq);
    const turn = this.#turn;
    this.#turn = null;
    const { clock, now } = this.#options;
    const waiting = await decide(turn, { append: this.#parts.append, clock, now });
    if (waiting === null) return;
    try {
      const prepared = prepare(waiting, this.#options.seal);
      if (prepared.bodyLength > 0) throw new RangeError('a decision takes no mail in');
      this.#decided = prepared;
    } catch (error) {
      waiting.reject(error);
    }
  }

  async #before(run: Run): Promise<Before> {
    const { held, prepared } = await holdMailboxes(run, this.#options, this.#prepared);
    this.#prepared = prepared;
    return { held, places: await this.#places(run) };
  }

  async #places(run: Run): Promise<ReadonlyMap<Prepared, BodyPlace>> {
    const { stored } = this.#parts;
    const bodies = withBody(this.#prepared);
    if (stored !== null) {
      if (this.#options.now() - stored.at > refsGoodForMs)
        throw new EngineFailure('store-failed', 'what was stored an hour ago is not written any more');
      return new Map(bodies.map((each) => [each, placeIn(this.#refs.get(each))]));
    }
    const ids = await this.#options.rows.storeBodies(
      run,
      bodies.map(({ body }) => Buffer.concat(body)),
    );
    return new Map(bodies.map((each, at) => [each, { body: ids[at] ?? '' }]));
  }

  get #all(): readonly Prepared[] {
    return this.#decided === null ? this.#prepared : [...this.#prepared, this.#decided];
  }

  async #write(run: Run, after: LockedHead, { held, places }: Before): Promise<Written> {
    const { rows, worker, seal } = this.#options;
    const records: LogRecord[] = [];
    const written: WrittenRow[] = [];
    let { seq, hash: previousHash } = after;
    for (const each of this.#all) {
      const encoded = this.#encode(each, { seq: seq + 1, at: after.at, mark: after.mark, previousHash });
      if (encoded === null) continue;
      ({ seq, hash: previousHash } = encoded.record);
      records.push(encoded.record);
      const { tail, bodyLength } = each;
      written.push({ seq, head: storedHead(encoded, seal), tail, bodyLength, place: places.get(each) ?? null });
    }
    const left = [...places].flatMap(([each, place]) => (this.#prepared.includes(each) ? [] : bodyOf(place)));
    if (left.length > 0) await rows.removeBodies(run, left);
    await noteFetched(run, this.#options, { records, held });
    const { session, batch, seat } = this.#parts;
    const group = { head: { seq, hash: previousHash }, worker, session, batch, last: seat.last ?? null };
    if (written.length > 0 && !(await rows.write(run, written, group)))
      throw new EngineFailure('store-failed', `something else was written by the worker ${worker}`);
    return { after, records, waiting: this.#all.map(({ waiting }) => waiting) };
  }

  /** Null for a draft that cannot be written: its caller's bug, and the others of the group have no part in it. */
  #encode(each: Prepared, place: RecordPlace): EncodedRecord | null {
    try {
      return encodeRecord(each.draft, place);
    } catch (error) {
      each.waiting.reject(error);
      this.#prepared = this.#prepared.filter((other) => other !== each);
      if (this.#decided === each) this.#decided = null;
      return null;
    }
  }

  /**
   * What an earlier try has written. That this transaction holds the row of the log makes its own commit one that a standby
   * confirms, and with it all before: where the first commit was not confirmed, this one says so.
   */
  async #readBack(run: Run, { firstSeq, lastSeq }: LastWrite): Promise<Written> {
    const rows = await this.#options.rows.readAfter(firstSeq - 1, lastSeq, lastSeq - firstSeq + 1, run);
    const all = this.#all;
    if (rows.length !== all.length)
      throw new EngineFailure('store-failed', `${rows.length} of ${all.length} records of a group are in the log`);
    const read = rows.map((row) => decodeRow(row, this.#options.seal));
    const after: LogPosition = { seq: firstSeq - 1, hash: read[0]?.head.previousHash ?? '' };
    return { after, records: read.map(({ record }) => record), waiting: all.map(({ waiting }) => waiting) };
  }
}

const withBody = (prepared: readonly Prepared[]): readonly Prepared[] =>
  prepared.filter(({ bodyLength }) => bodyLength > 0);
const placeIn = (ref: VaultRef | undefined): BodyPlace => (ref === undefined ? null : { ref });
const bodyOf = (place: BodyPlace): readonly string[] => (place !== null && 'body' in place ? [place.body] : []);

function isSame(one: Seat['last'], other: Seat['last']): boolean {
  return one?.session === other?.session && one?.batch === other?.batch;
}
