import { Level } from 'level';
import { EngineFailure } from '../../streams/failure.ts';
import type { Bytes, Damage, Found } from './bytes.types.ts';
import { decodeHead, type EncodedRecord, type RecordHead, readHeader } from './record.ts';
import { codeOf } from './segment-files.ts';
import { createUnseal, type Unseal } from './unseal.ts';

export interface LevelBytesOptions {
  /** The `bodies` folder of the data directory: a LevelDB of its own, so that random keys never mix with bodies. */
  readonly directory: string;
  /** Opens sealed records, to check their payloads at a start; none by default. */
  readonly unseal?: Unseal;
}

/**
 * The same records as values under increasing 8-byte keys (`store.bytes: leveldb`). LevelDB moves tables of increasing
 * keys down without rewriting them: each byte is written twice, not ten times.
 */
export async function openLevelBytes({ directory, unseal = createUnseal(null) }: LevelBytesOptions): Promise<Bytes> {
  const database = new Level<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
  });
  try {
    await database.open();
  } catch (error) {
    throw new EngineFailure('store-failed', `${directory} cannot be opened: ${String(error)}`, { cause: error });
  }
  return new LevelBytes(database, unseal);
}

/** What `level` is on Node beyond what it is everywhere, which its types leave out. */
interface CompactsRanges {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}
type Records = ReturnType<typeof recordsOf>;
type RecordOp =
  | { readonly type: 'put'; readonly sublevel: Records; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly sublevel: Records; readonly key: Buffer };

class LevelBytes implements Bytes {
  readonly #database: Level<Buffer, Buffer>;
  readonly #records: Records;
  readonly #unseal: Unseal;
  readonly #damagedPayloads = new Set<number>();
  #tornSeq: number | null = null;
  #nextSeq = 1;
  #failed = false;

  constructor(database: Level<Buffer, Buffer>, unseal: Unseal) {
    this.#database = database;
    this.#unseal = unseal;
    this.#records = recordsOf(database);
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get sealedBefore(): number {
    return this.#nextSeq;
  }

  async *scan(fromSeq: number): AsyncGenerator<Found> {
    // Opening has made durable what it replayed: LevelDB writes it to a synced table first.
    let expected = fromSeq;
    let doubtful: Found[] = [];
    let bytes = 0;
    for await (const [key, value] of this.#records.iterator({ gte: keyOf(fromSeq) })) {
      const seq = seqOf(key);
      if (seq > expected) {
        const text = `records ${expected} to ${seq - 1} are missing`;
        doubtful.push({ kind: 'damage', damage: placeOf(expected, text) });
      }
      const head = decodeHead(value);
      const whole = head?.record.seq === seq;
      if (whole && (await this.#isIntact(head, value))) {
        yield* doubtful;
        doubtful = [];
        bytes = 0;
        this.#tornSeq = null;
        yield { kind: 'record', head, file: nameOf(seq), offset: 0 };
      } else {
        this.#tornSeq ??= seq;
        bytes += value.length;
        const text = whole ? `the payload of record ${seq} is not what its hash says` : `record ${seq} is damaged`;
        doubtful.push({ kind: 'damage', damage: placeOf(seq, text) });
        if (whole) {
          this.#damagedPayloads.add(seq);
          doubtful.push({ kind: 'record', head, file: nameOf(seq), offset: 0 });
        }
      }
      expected = seq + 1;
    }
    this.#nextSeq = await this.#end();
    if (this.#tornSeq !== null) yield { kind: 'torn', file: nameOf(this.#tornSeq), offset: 0, bytes };
  }

  async ready(): Promise<void> {
    if (this.#tornSeq === null) return;
    const torn: Buffer[] = await this.#records.keys({ gte: keyOf(this.#tornSeq) }).all();
    await this.#write(torn.map((key): RecordOp => ({ type: 'del', sublevel: this.#records, key })));
    for (const key of torn) this.#damagedPayloads.delete(seqOf(key));
    this.#nextSeq = this.#tornSeq;
    this.#tornSeq = null;
  }

  /** Synced always: when LevelDB turns to a new log of its own, a later sync does not reach back to the old one. */
  async append(group: readonly EncodedRecord[], _sync: boolean): Promise<void> {
    if (this.#failed) throw new EngineFailure('store-failed', 'an earlier write failed');
    try {
      await this.#write(group.map(({ record, head, payload }) => this.#put(record.seq, [head, ...payload])));
      this.#nextSeq += group.length;
    } catch (error) {
      this.#failed = true;
      throw new EngineFailure('store-failed', String(error), { cause: error });
    }
  }

  async read(seq: number): Promise<RecordHead> {
    const head = decodeHead(await this.#value(seq));
    if (head?.record.seq !== seq) throw new EngineFailure('damaged', nameOf(seq));
    return head;
  }

  async slice(seq: number, offset: number, length: number): Promise<Uint8Array> {
    if (this.#damagedPayloads.has(seq)) throw new EngineFailure('damaged', `payload of ${nameOf(seq)}`);
    const value = await this.#value(seq);
    const head = decodeHead(value);
    if (head?.record.seq !== seq) throw new EngineFailure('damaged', nameOf(seq));
    const { headBytes, record } = head;
    if (
      offset < 0 ||
      length < 0 ||
      offset + length > record.payloadLength ||
      value.length < headBytes + offset + length
    ) {
      throw new EngineFailure('missing', `bytes ${offset} to ${offset + length} of ${nameOf(seq)}`);
    }
    return value.subarray(headBytes + offset, headBytes + offset + length);
  }

  /** LevelDB has no file that is open to us, and each append was synced. */
  async seal(): Promise<void> {}

  async drop(seqs: ReadonlySet<number>): Promise<number> {
    // A value that is still in LevelDB's memory would be written to a table together with what takes its place.
    await this.#compact(0, 0);
    let freed = 0;
    const thinned: number[] = [];
    for (const seq of seqs) {
      const value = await this.#records.get(keyOf(seq));
      const header = value === undefined ? null : readHeader(value);
      if (value === undefined || header === null || value.length <= header.headBytes) continue;
      await this.#write([this.#put(seq, [value.subarray(0, header.headBytes)])]);
      freed += value.length - header.headBytes;
      thinned.push(seq);
    }
    if (thinned.length > 0) await this.#compact(Math.min(...thinned), Math.max(...thinned));
    return freed;
  }

  /**
   * Writes what is in memory to tables, and merges those of this range: LevelDB keeps an overwritten value until then.
   */
  async #compact(first: number, last: number): Promise<void> {
    const { prefix } = this.#records;
    const [start, end] = [first, last].map((seq) => Buffer.concat([Buffer.from(prefix), keyOf(seq)]));
    await (this.#database as unknown as CompactsRanges).compactRange(start as Buffer, end as Buffer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failed = true;
    await this.#database.close();
  }

  /** Whole, or dropped to the last byte; a payload whose key is destroyed or not at hand stands for itself. */
  async #isIntact(head: RecordHead, value: Buffer): Promise<boolean> {
    if (value.length === head.headBytes) return true;
    const check = await this.#unseal.payload(head);
    if (typeof check === 'string') return value.length === head.headBytes + head.record.payloadLength;
    check.update(value.subarray(head.headBytes));
    return check.isRight();
  }

  #put(seq: number, pieces: readonly Uint8Array[]): RecordOp {
    return { type: 'put', sublevel: this.#records, key: keyOf(seq), value: Buffer.concat(pieces) };
  }

  /** One atomic, synced batch. */
  #write(batch: RecordOp[]): Promise<void> {
    return this.#database.batch(batch, { sync: true });
  }

  async #value(seq: number): Promise<Buffer> {
    const value = await this.#records.get(keyOf(seq)).catch((error: unknown) => {
      // Closed, as between a failed store and the next: that says nothing of the bytes.
      const code = codeOf(error) === 'LEVEL_DATABASE_NOT_OPEN' ? 'store-failed' : 'damaged';
      throw new EngineFailure(code, `${nameOf(seq)}: ${String(error)}`, { cause: error });
    });
    if (value === undefined) throw new EngineFailure('missing', nameOf(seq));
    return value;
  }

  /** One after the last record, also where that lies before the begin of the scan. */
  async #end(): Promise<number> {
    const [last] = await this.#records.keys({ reverse: true, limit: 1 }).all();
    return last === undefined ? 1 : seqOf(last) + 1;
  }
}

const recordsOf = (database: Level<Buffer, Buffer>) =>
  database.sublevel<Buffer, Buffer>('records', { keyEncoding: 'buffer', valueEncoding: 'buffer' });

function keyOf(seq: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(seq));
  return key;
}
const seqOf = (key: Buffer): number => Number(key.readBigUInt64BE());

const nameOf = (seq: number): string => `bodies, record ${seq}`;
const placeOf = (seq: number, text: string): Damage => ({ file: nameOf(seq), offset: 0, text });
