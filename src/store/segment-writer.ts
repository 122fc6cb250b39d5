import { type FileHandle, open } from 'node:fs/promises';
import { EngineFailure } from '../../streams/failure.ts';
import { DirectFile, isRefused } from './direct-file.ts';
import { type EncodedRecord, genesisHash, type RecordHead } from './record.ts';
import { isFull, segmentPath, syncDirectory, writeAll } from './segment-files.ts';
import { type Row, SegmentTable } from './segment-table.ts';
import type { Unseal } from './unseal.ts';

/** Mode of a sealed segment: nobody writes it again. */
export const sealedMode = 0o444;
/** Mode of an open one: mail is for the engine's own user. */
const openMode = 0o600;

/** Where an open segment is, and the memory that it writes from directly; null: through the page cache. */
export interface SegmentPlace {
  readonly directory: string;
  readonly staging: Buffer | null;
  readonly unseal: Unseal;
}

/** The segment that grows. Its bytes end at `endBytes`; what lies behind the last sync is not promised to anyone. */
export class OpenSegment {
  /** For reading, and for all but the writing of records. */
  readonly handle: FileHandle;
  readonly table: SegmentTable;
  endBytes: number;
  readonly #place: SegmentPlace;
  #durableBytes: number;
  #lastHash = genesisHash;
  /** Undefined before the first write; null where the file system has no direct writes. */
  #direct: DirectFile | null | undefined;

  constructor(handle: FileHandle, table: SegmentTable, endBytes: number, place: SegmentPlace) {
    this.handle = handle;
    this.table = table;
    this.endBytes = endBytes;
    this.#place = place;
    this.#durableBytes = endBytes;
    if (place.staging === null) this.#direct = null;
  }

  /** A new file whose name is durable before anything in it counts. */
  static async create(place: SegmentPlace, firstSeq: number): Promise<OpenSegment> {
    const { directory } = place;
    const handle = await open(segmentPath(directory, firstSeq), 'wx+', openMode);
    try {
      await syncDirectory(directory);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new OpenSegment(handle, new SegmentTable(firstSeq), 0, place);
  }

  /** Takes up a record that a scan found in the file. */
  resume(row: Row, head: RecordHead | null): void {
    this.table.push(row);
    if (head !== null) this.#lastHash = head.record.hash;
  }

  /** @throws EngineFailure `store-full` where the file is as it was before; the system's error otherwise */
  async write(records: readonly EncodedRecord[]): Promise<void> {
    const pieces: Uint8Array[] = [];
    for (const { head, payload } of records) pieces.push(head, ...payload);
    await this.#orFull(() => this.#append(pieces));
    for (const { head, lengthBytes, record } of records) {
      const payloadBytes = record.payloadLength;
      this.table.push({ offset: this.endBytes, headBytes: head.length, payloadBytes, state: 'whole' });
      this.endBytes += lengthBytes;
      this.#lastHash = record.hash;
    }
  }

  /** One `fdatasync`. After an error the pages in memory may pass for written: never sync again and hope. */
  async sync(): Promise<void> {
    const endBytes = this.endBytes;
    await this.handle.datasync();
    this.#durableBytes = endBytes;
  }

  /** Cuts the file to `bytes`, durably. */
  async cut(bytes: number): Promise<void> {
    await this.handle.truncate(bytes);
    this.endBytes = bytes;
    await this.sync();
  }

  /** Footer first, then the mode: a read-only segment has a durable footer. The file stays open. */
  async seal(): Promise<void> {
    const footer = this.table.footer(this.endBytes, this.#lastHash);
    await this.#trim();
    await this.#orFull(() => writeAll(this.handle, [footer], this.endBytes));
    await this.handle.datasync();
    await this.handle.chmod(sealedMode);
  }

  /** Closes the file at its true length. */
  async close(): Promise<void> {
    try {
      await this.#trim();
    } finally {
      await this.handle.close();
    }
  }

  /** Gives up after an I/O error: tries to take away what was not promised, so that no later start believes it. */
  async abandon(): Promise<void> {
    await this.#direct?.close().catch(() => undefined);
    this.#direct = null;
    await this.handle.truncate(this.#durableBytes).catch(() => undefined);
    await this.handle.close().catch(() => undefined);
  }

  async #append(pieces: readonly Uint8Array[]): Promise<void> {
    const { directory, staging } = this.#place;
    if (this.#direct === undefined && staging !== null) {
      this.#direct = await DirectFile.open(segmentPath(directory, this.table.firstSeq), staging, this);
    }
    try {
      await (this.#direct?.append(pieces) ?? writeAll(this.handle, pieces, this.endBytes));
    } catch (error) {
      if (!this.#direct || !isRefused(error)) throw error;
      await this.#trim();
      this.#direct = null;
      await writeAll(this.handle, pieces, this.endBytes);
    }
  }

  /** Ends direct writing for now, and takes away the zeros behind the last record. */
  async #trim(): Promise<void> {
    if (!this.#direct) return;
    const direct = this.#direct;
    this.#direct = undefined;
    await direct.close();
    await this.handle.truncate(this.endBytes);
  }

  async #orFull(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!isFull(error)) throw error;
      await this.handle.truncate(this.endBytes);
      throw new EngineFailure('store-full', undefined, { cause: error });
    }
  }
}

/** Ends the sealing of a segment that has its footer but not yet its mode. */
export const finishSeal = (handle: FileHandle): Promise<void> => handle.chmod(sealedMode);
