import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '../store/bytes.types.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { openLock } from '../store/lock.ts';
import { genesisHash } from '../store/record.ts';
import { openSegmentBytes } from '../store/segment-bytes.ts';
import { footerOf } from '../store/segment-end.ts';
import { segmentPath, segmentsIn } from '../store/segment-files.ts';
import { openSealed } from '../store/segment-reader.ts';
import { segmentRecords, type WholeRecord } from '../store/segment-records.ts';
import type { MoveSource, MoveTarget } from './migrate.types.ts';

/** The folder of a data directory that holds its log. */
export const logFolder = (dataDir: string): string => join(dataDir, 'commitlog');

export const fileSource = (directory: string): MoveSource => ({
  records: (after, upTo) => segmentRecords({ directory, after, upTo }),
});

/** The last record that is whole, while an engine may write on; null where there is none. One segment is read for it. */
export async function endOfFiles(directory: string): Promise<(LogPosition & { readonly mark: number }) | null> {
  const firstSeqs = await segmentsIn(directory).catch(emptyIfMissing);
  // The last one may have been begun, and hold nothing yet.
  for (const firstSeq of firstSeqs.slice(-2).toReversed()) {
    const sealed = await footerOf(segmentPath(directory, firstSeq), firstSeq);
    const after = sealed === null ? firstSeq - 1 : sealed.nextSeq - 2;
    let last: WholeRecord | null = null;
    for await (const record of segmentRecords({ directory, after, upTo: null })) last = record;
    if (last !== null) return { seq: last.head.record.seq, hash: last.head.record.hash, mark: last.head.mark };
  }
  return null;
}

function emptyIfMissing(error: NodeJS.ErrnoException): number[] {
  if (error.code !== 'ENOENT') throw error;
  return [];
}

/** Dropped payloads of the log in files, a segment's worth at a time, as its footers tell. */
export async function* droppedInFiles(
  directory: string,
  upTo: number,
): AsyncGenerator<{ readonly first: number; readonly last: number; readonly seqs: ReadonlySet<number> }> {
  for (const firstSeq of await segmentsIn(directory)) {
    if (firstSeq > upTo) return;
    const { handle, footer } = await openSealed(segmentPath(directory, firstSeq), firstSeq);
    await handle.close();
    if (footer === null) continue;
    const seqs = new Set<number>();
    for (const { seq, row } of footer.table.rowsFrom(firstSeq)) if (row.state === 'dropped') seqs.add(seq);
    yield { first: firstSeq, last: Math.min(upTo, footer.table.nextSeq - 1), seqs };
  }
}

/** A log in files that grows by what is moved into it. */
export interface FileTarget extends MoveTarget, AsyncDisposable {
  /** Takes these payloads away for good. */
  drop(seqs: ReadonlySet<number>): Promise<void>;
}

/**
 * Opens the log of a data directory for records that come back; a torn end is cut off. No engine, and no other move, may
 * have it meanwhile. @throws EngineFailure `locked`, `store-failed`
 */
export async function openFileTarget(directory: string, segmentBytes: number): Promise<FileTarget> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await openLock(directory);
  try {
    const bytes = await openSegmentBytes({ directory, segmentBytes });
    return new Files(bytes, await endIn(bytes, directory), lock);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

async function endIn(bytes: Bytes, directory: string): Promise<LogPosition> {
  let end: LogPosition = { seq: 0, hash: genesisHash };
  const firstSeqs = await segmentsIn(directory);
  for await (const found of bytes.scan(firstSeqs.at(-2) ?? firstSeqs.at(-1) ?? 1)) {
    if (found.kind === 'record') end = { seq: found.head.record.seq, hash: found.head.record.hash };
  }
  await bytes.ready();
  return end;
}

class Files implements FileTarget {
  readonly #bytes: Bytes;
  readonly #lock: AsyncDisposable;
  #end: LogPosition;

  constructor(bytes: Bytes, end: LogPosition, lock: AsyncDisposable) {
    this.#bytes = bytes;
    this.#end = end;
    this.#lock = lock;
  }

  end = async (): Promise<LogPosition> => this.#end;

  /** A payload that was dropped is written as zeros: `drop` takes it away once its segment is sealed. */
  async append(group: readonly WholeRecord[]): Promise<void> {
    const encoded = group.map(({ head, headBytes, payload }) => ({
      record: head.record,
      head: headBytes,
      payload: [payload ?? Buffer.alloc(head.record.payloadLength)],
      lengthBytes: headBytes.length + head.record.payloadLength,
    }));
    await this.#bytes.append(encoded, true);
    const last = encoded.at(-1)?.record;
    if (last !== undefined) this.#end = { seq: last.seq, hash: last.hash };
  }

  async drop(seqs: ReadonlySet<number>): Promise<void> {
    if (seqs.size === 0) return;
    if ([...seqs].some((seq) => seq >= this.#bytes.sealedBefore)) await this.#bytes.seal();
    await this.#bytes.drop(seqs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#bytes.seal();
    } finally {
      await this.#bytes[Symbol.asyncDispose]();
      await this.#lock[Symbol.asyncDispose]();
    }
  }
}
