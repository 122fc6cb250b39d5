import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { makeFolder } from '../make-folder.ts';
import type { Bytes, Found } from './bytes.types.ts';
import { openStaging } from './direct-file.ts';
import { decodeHead, type EncodedRecord, type RecordHead } from './record.ts';
import { codeOf, listSegments, readExactly, shownName, syncDirectory } from './segment-files.ts';
import { SealedReaders } from './segment-reader.ts';
import { type ScanResult, scanSegments } from './segment-scan.ts';
import { maxRows, type Row, type SegmentTable } from './segment-table.ts';
import { thinSegment } from './segment-thin.ts';
import { OpenSegment, type SegmentPlace } from './segment-writer.ts';
import { createUnseal, type Unseal } from './unseal.ts';

/** Large enough that a new file and its two more syncs are rare, small enough to copy and to thin. */
const defaultSegmentBytes = 256 * 1024 * 1024;

export interface SegmentBytesOptions {
  /** The `commitlog` folder of the data directory. */
  readonly directory: string;
  /** A segment is sealed before it would grow beyond this; a larger record has one of its own. From 1 MB. */
  readonly segmentBytes?: number;
  /** False: records are written through the page cache, as where the system cannot write past it. */
  readonly direct?: boolean;
  /** Opens sealed records, to check their payloads at a start; none by default. */
  readonly unseal?: Unseal;
}

/** Records in append-only files, each written once: see store section 2. */
export async function openSegmentBytes(options: SegmentBytesOptions): Promise<Bytes> {
  const { directory, segmentBytes = defaultSegmentBytes, direct = true, unseal = createUnseal(null) } = options;
  const made = await makeFolder(directory);
  if (made !== undefined) await syncDirectory(dirname(made));
  const place = { directory, staging: direct ? openStaging() : null, unseal };
  return new SegmentBytes(place, segmentBytes, await listSegments(directory));
}

class SegmentBytes implements Bytes {
  readonly #place: SegmentPlace;
  readonly #segmentBytes: number;
  /** First sequence numbers of all segments, the open one too, ascending. */
  readonly #firstSeqs: number[];
  readonly #readers: SealedReaders;
  readonly #scan: ScanResult = {
    open: null,
    openDamaged: false,
    tornAt: null,
    nextSeq: 1,
    mark: null,
    damagedPayloads: new Set(),
  };
  #open: OpenSegment | null = null;
  #nextSeq = 1;
  #failed = false;

  constructor(place: SegmentPlace, segmentBytes: number, firstSeqs: number[]) {
    this.#place = place;
    this.#segmentBytes = segmentBytes;
    this.#firstSeqs = firstSeqs;
    this.#readers = new SealedReaders(place);
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get sealedBefore(): number {
    return this.#open?.table.firstSeq ?? this.#nextSeq;
  }

  async *scan(fromSeq: number): AsyncGenerator<Found> {
    yield* scanSegments(this.#place, this.#firstSeqs, fromSeq, this.#scan);
    this.#open = this.#scan.open;
    this.#scan.open = null;
    this.#nextSeq = this.#scan.nextSeq;
  }

  async ready(): Promise<void> {
    const { tornAt, openDamaged } = this.#scan;
    if (this.#open === null) return;
    if (tornAt !== null) await this.#open.cut(tornAt);
    if (openDamaged) await this.seal();
  }

  async append(group: readonly EncodedRecord[], sync: boolean): Promise<void> {
    if (this.#failed) throw new EngineFailure('store-failed', 'an earlier write or sync failed');
    let written = 0;
    try {
      while (written < group.length) {
        const run = this.#fitting(group, written);
        if (run.length === 0) {
          await this.seal();
          continue;
        }
        await (await this.#writable(run)).write(run);
        written += run.length;
        this.#nextSeq += run.length;
      }
      if (sync) await this.#open?.sync();
    } catch (error) {
      if (written === 0 && error instanceof EngineFailure && error.code === 'store-full') throw error;
      this.#failed = true;
      await this.#open?.abandon();
      throw new EngineFailure('store-failed', String(error), { cause: error });
    }
  }

  async read(seq: number): Promise<RecordHead> {
    return this.#at(seq, async (handle, { offset, headBytes }) => {
      const head = decodeHead(await readExactly(handle, headBytes, offset));
      if (head?.record.seq !== seq) throw new EngineFailure('damaged', `record ${seq}`);
      return head;
    });
  }

  async slice(seq: number, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    if (this.#scan.damagedPayloads.has(seq)) throw new EngineFailure('damaged', `payload of record ${seq}`);
    return this.#at(seq, async (handle, row) => {
      if (row.state === 'dropped') throw new EngineFailure('missing', `the payload of record ${seq} was deleted`);
      if (offset < 0 || length < 0 || offset + length > row.payloadBytes) {
        throw new EngineFailure('missing', `bytes ${offset} to ${offset + length} of record ${seq}`);
      }
      return readExactly(handle, length, row.offset + row.headBytes + offset, into);
    });
  }

  async seal(): Promise<void> {
    const open = this.#open;
    if (this.#failed || open === null || open.table.rows === 0) return;
    await open.seal();
    // From here on readers find it among the sealed ones.
    this.#open = null;
    await open.handle.close();
  }

  async drop(seqs: ReadonlySet<number>): Promise<number> {
    const bySegment = new Map<number, Set<number>>();
    for (const seq of seqs) {
      const firstSeq = this.#segmentOf(seq);
      if (firstSeq === undefined || firstSeq === this.#open?.table.firstSeq) continue;
      const some = bySegment.get(firstSeq) ?? new Set();
      bySegment.set(firstSeq, some.add(seq));
    }
    let freed = 0;
    for (const [firstSeq, some] of bySegment) {
      freed += await thinSegment(this.#place.directory, firstSeq, some);
      this.#readers.evict(firstSeq);
    }
    return freed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#open ?? this.#scan.open;
    this.#open = null;
    this.#failed = true;
    await open?.close().catch(() => undefined);
    await this.#readers.close();
  }

  /** Records from `from` on that go into the open segment, or into a new one where none is open. */
  #fitting(group: readonly EncodedRecord[], from: number): readonly EncodedRecord[] {
    let endBytes = this.#open?.endBytes ?? 0;
    let rows = this.#open?.table.rows ?? 0;
    let until = from;
    for (; until < group.length; until += 1) {
      const { lengthBytes = 0 } = group[until] ?? {};
      if (rows >= maxRows || (rows > 0 && endBytes + lengthBytes > this.#segmentBytes)) break;
      endBytes += lengthBytes;
      rows += 1;
    }
    return from === 0 && until === group.length ? group : group.slice(from, until);
  }

  async #writable([first]: readonly EncodedRecord[]): Promise<OpenSegment> {
    if (this.#open !== null || first === undefined) return this.#open ?? Promise.reject(new Error('nothing to write'));
    this.#open = await OpenSegment.create(this.#place, first.record.seq);
    this.#firstSeqs.push(first.record.seq);
    return this.#open;
  }

  /** Finds a record and lends its file; failures name the place. */
  async #at<T>(seq: number, use: (handle: FileHandle, row: Row) => Promise<T>): Promise<T> {
    const firstSeq = this.#segmentOf(seq);
    if (firstSeq === undefined || seq >= Math.max(this.#nextSeq, this.#scan.nextSeq))
      throw new EngineFailure('missing', `record ${seq}`);
    const file = shownName(this.#place.directory, firstSeq);
    let place = file;
    const find = async (handle: FileHandle, table: SegmentTable): Promise<T> => {
      const row = table.row(seq);
      if (row === undefined || row.state === 'hole') throw new EngineFailure('damaged', `record ${seq} in ${file}`);
      place = `${file} at ${row.offset}`;
      return use(handle, row);
    };
    try {
      const open = this.#open ?? this.#scan.open;
      if (open?.table.firstSeq === firstSeq) return await find(open.handle, open.table);
      return await this.#readers.use(firstSeq, find);
    } catch (error) {
      if (error instanceof EngineFailure) throw new EngineFailure(error.code, `${detailOf(error)} (${place})`);
      const code = codeOf(error);
      if (code === 'ENOENT') throw new EngineFailure('missing', file, { cause: error });
      throw new EngineFailure(code === 'EIO' ? 'damaged' : 'store-failed', `${String(error)} (${place})`, {
        cause: error,
      });
    }
  }

  #segmentOf(seq: number): number | undefined {
    let low = 0;
    let high = this.#firstSeqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#firstSeqs[middle] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#firstSeqs[low - 1];
  }
}

/** What a failure said beyond the text of its code. */
const detailOf = ({ message }: EngineFailure): string => message.slice(message.indexOf(': ') + 2);
