import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { makeFolder } from '../make-folder.ts';
import type { MasterKey } from '../master-key.ts';
import type { Bytes } from '../store/bytes.types.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import type { KeyBlock } from '../store/key-block.ts';
import { openLock } from '../store/lock.ts';
import { genesisHash } from '../store/record.ts';
import { keysFolder, openRecordKeys, type RecordKeys } from '../store/record-keys.ts';
import { openHead, openPayload, plainHeadOf, sealRecord } from '../store/sealed-record.ts';
import { openSegmentBytes } from '../store/segment-bytes.ts';
import { footerOf } from '../store/segment-end.ts';
import { segmentPath, segmentsIn } from '../store/segment-files.ts';
import { openSealed } from '../store/segment-reader.ts';
import { segmentRecords, type WholeRecord } from '../store/segment-records.ts';
import { createUnseal } from '../store/unseal.ts';
import type { MoveSource, MoveTarget } from './migrate.types.ts';

/** The folder of a data directory that holds its log. */
export const logFolder = (dataDir: string): string => join(dataDir, 'commitlog');

/** `keys`: of an encrypted log; null: what is sealed is given as it stands, its hash and number to be seen all the same. */
export const fileSource = (directory: string, keys: Pick<RecordKeys, 'blockOf'> | null): MoveSource => ({
  records: (after, upTo) => recordsIn(directory, keys, after, upTo),
});

async function* recordsIn(
  directory: string,
  keys: Pick<RecordKeys, 'blockOf'> | null,
  after: number,
  upTo: number,
): AsyncGenerator<WholeRecord, void, void> {
  for await (const record of segmentRecords({ directory, after, upTo }))
    yield keys === null || record.head.seal === null
      ? record
      : inClear(record, await keys.blockOf(record.head.record.seq));
}

/** A payload whose key was destroyed is gone, whether or not its bytes are still there. @throws EngineFailure `damaged` */
function inClear({ head, payload }: WholeRecord, block: KeyBlock): WholeRecord {
  const opened = { ...openHead(head, block), seal: null };
  const headBytes = plainHeadOf(opened);
  const { seq, payloadLength } = head.record;
  if (payload === null || payloadLength === 0) return { head: opened, headBytes, payload };
  const key = block.payloadKey(seq);
  if (key === 'damaged') throw new EngineFailure('damaged', `the key of record ${seq}`);
  return { head: opened, headBytes, payload: key === 'destroyed' ? null : openPayload(payload, head, key) };
}

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

export interface FileTargetOptions {
  readonly dataDir: string;
  readonly segmentBytes: number;
  /** Encrypts what comes; null: it is written in clear. */
  readonly master: MasterKey | null;
}

/**
 * Opens the log of a data directory for records that come back; a torn end is cut off. No engine, and no other move, may
 * have it meanwhile. @throws EngineFailure `locked`, `key-unusable`, `store-failed`
 */
export async function openFileTarget({ dataDir, segmentBytes, master }: FileTargetOptions): Promise<FileTarget> {
  const directory = logFolder(dataDir);
  await makeFolder(directory);
  const lock = await openLock(directory);
  try {
    const keys = master === null ? null : await openRecordKeys(keysFolder(dataDir), master);
    const bytes = await openSegmentBytes({ directory, segmentBytes, unseal: createUnseal(keys) });
    return new Files({ bytes, keys, lock }, await endIn(bytes, directory));
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

interface FilesParts {
  readonly bytes: Bytes;
  readonly keys: RecordKeys | null;
  readonly lock: AsyncDisposable;
}

class Files implements FileTarget {
  readonly #bytes: Bytes;
  readonly #keys: RecordKeys | null;
  readonly #lock: AsyncDisposable;
  #end: LogPosition;

  constructor({ bytes, keys, lock }: FilesParts, end: LogPosition) {
    this.#bytes = bytes;
    this.#keys = keys;
    this.#lock = lock;
    this.#end = end;
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
    const [first, last] = [encoded[0]?.record, encoded.at(-1)?.record];
    const keyOf = first && last && (await this.#keys?.ready(first.seq, last.seq));
    await this.#bytes.append(
      keyOf === undefined ? encoded : encoded.map((each) => sealRecord(each, keyOf(each.record.seq))),
      true,
    );
    if (last !== undefined) this.#end = { seq: last.seq, hash: last.hash };
  }

  async drop(seqs: ReadonlySet<number>): Promise<void> {
    if (seqs.size === 0) return;
    await this.#keys?.destroy(seqs);
    if ([...seqs].some((seq) => seq >= this.#bytes.sealedBefore)) await this.#bytes.seal();
    await this.#bytes.drop(seqs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#bytes.seal();
    } finally {
      await this.#bytes[Symbol.asyncDispose]();
      await this.#keys?.[Symbol.asyncDispose]();
      await this.#lock[Symbol.asyncDispose]();
    }
  }
}
