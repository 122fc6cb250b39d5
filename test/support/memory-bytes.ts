import type { Bytes, Found } from '../../src/store/bytes.types.ts';
import { decodeHead, type EncodedRecord, type RecordHead, sha256Of } from '../../src/store/record.ts';
import { EngineFailure } from '../../streams/failure.ts';

interface Kept {
  readonly seq: number;
  head: Buffer;
  payload: Buffer | null;
  /** Incomplete: the crash came while it was written. */
  torn: boolean;
}

/** What survives of a memory store when the process does not: give it to the next `memoryBytes`. */
export class MemoryDisk {
  records: Kept[] = [];
  /** Records that a sync has covered. */
  synced = 0;
  writes = 0;
  syncs = 0;
  seals = 0;
  /** The write or sync with this number (1, 2 …) fails with an I/O error, after its bytes were kept. */
  failWriteAt = 0;
  failSyncAt = 0;
  /** The write with this number finds the disk full, and nothing of it is kept. */
  fullAt = 0;
  /** Waits in each write and sync, so that a test decides when the disk answers. */
  pause: (step: 'write' | 'sync') => Promise<void> = async () => undefined;

  /**
   * Power cut: what is left, as a disk of its own, so that the dead engine cannot touch it. Of the records that no
   * sync has covered `keep` survive, and the next one in part.
   */
  crash(keep = 0): MemoryDisk {
    const left = new MemoryDisk();
    const whole = this.synced + keep;
    left.records = this.records
      .slice(0, whole + 1)
      .map((kept, index) => ({ ...kept, torn: kept.torn || index >= whole }));
    return left;
  }
}

/** The bytes port in memory, with the same promises as the ones on disk, and faults on demand. */
export function memoryBytes(disk: MemoryDisk = new MemoryDisk()): Bytes {
  return new MemoryBytes(disk);
}

class MemoryBytes implements Bytes {
  readonly #disk: MemoryDisk;
  readonly #records: Kept[];
  #tornFrom: number | null = null;
  #failed = false;
  #damagedPayloads = new Set<number>();

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.#records = disk.records;
  }

  get nextSeq(): number {
    return (this.#records.at(-1)?.seq ?? 0) + 1;
  }

  get sealedBefore(): number {
    return this.nextSeq;
  }

  async *scan(fromSeq: number): AsyncGenerator<Found> {
    this.#disk.synced = this.#records.length;
    const whole = this.#records.map((kept) => isWhole(kept));
    const end = whole.lastIndexOf(true) + 1;
    for (const [index, kept] of this.#records.slice(0, end).entries()) {
      if (kept.seq < fromSeq) continue;
      const head = decodeHead(kept.head);
      const file = 'memory';
      if (!whole[index]) {
        this.#damagedPayloads.add(kept.seq);
        yield { kind: 'damage', damage: { file, offset: kept.seq, text: `record ${kept.seq} is damaged` } };
      }
      if (head !== null) yield { kind: 'record', head, file, offset: kept.seq };
    }
    const torn = this.#records.slice(end);
    if (torn.length === 0) return;
    this.#tornFrom = end;
    yield { kind: 'torn', file: 'memory', offset: end, bytes: torn.reduce((sum, kept) => sum + bytesOf(kept), 0) };
  }

  async ready(): Promise<void> {
    if (this.#tornFrom !== null) this.#records.length = this.#tornFrom;
    this.#disk.synced = this.#records.length;
  }

  async append(group: readonly EncodedRecord[], sync: boolean): Promise<void> {
    const disk = this.#disk;
    disk.writes += 1;
    if (this.#failed) throw new EngineFailure('store-failed');
    const write = disk.writes;
    await disk.pause('write');
    if (write === disk.fullAt) throw new EngineFailure('store-full');
    for (const { record, head, payload } of group) {
      this.#records.push({ seq: record.seq, head: Buffer.from(head), payload: Buffer.concat(payload), torn: false });
    }
    if (write === disk.failWriteAt) return this.#fail('write');
    if (!sync) return;
    disk.syncs += 1;
    const reached = this.#records.length;
    const number = disk.syncs;
    await disk.pause('sync');
    if (number === disk.failSyncAt) return this.#fail('sync');
    disk.synced = reached;
  }

  async read(seq: number): Promise<RecordHead> {
    const head = decodeHead(this.#find(seq).head);
    if (head === null) throw new EngineFailure('damaged', `record ${seq}`);
    return head;
  }

  async slice(seq: number, offset: number, length: number): Promise<Uint8Array> {
    const { payload } = this.#find(seq);
    if (this.#damagedPayloads.has(seq)) throw new EngineFailure('damaged', `record ${seq}`);
    if (payload === null || offset < 0 || length < 0 || offset + length > payload.length) {
      throw new EngineFailure('missing', `record ${seq}`);
    }
    return Buffer.from(payload.subarray(offset, offset + length));
  }

  async seal(): Promise<void> {
    this.#disk.seals += 1;
    if (!this.#failed) this.#disk.synced = this.#records.length;
  }

  async drop(seqs: ReadonlySet<number>): Promise<number> {
    let freed = 0;
    for (const kept of this.#records) {
      if (!seqs.has(kept.seq)) continue;
      freed += kept.payload?.length ?? 0;
      kept.payload = null;
    }
    return freed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failed = true;
  }

  #fail(step: string): never {
    this.#failed = true;
    throw new EngineFailure('store-failed', `I/O error at a ${step}`);
  }

  #find(seq: number): Kept {
    const kept = this.#records.find((some) => some.seq === seq);
    if (kept === undefined) throw new EngineFailure('missing', `record ${seq}`);
    return kept;
  }
}

const bytesOf = (kept: Kept): number => kept.head.length + (kept.payload?.length ?? 0);

function isWhole(kept: Kept): boolean {
  const head = kept.torn ? null : decodeHead(kept.head);
  if (head === null || head.record.seq !== kept.seq) return false;
  return kept.payload === null || sha256Of([kept.payload]).toString('hex') === head.record.payloadSha256;
}
