import type { FileHandle } from 'node:fs/promises';
import { EngineFailure } from '../../streams/failure.ts';
import { ReadAhead } from './read-ahead.ts';
import { decodeHead, type RecordHead } from './record.ts';
import { readExactly, segmentPath, segmentsIn, shownName } from './segment-files.ts';
import { openSealed } from './segment-reader.ts';
import type { Row } from './segment-table.ts';
import { walkSegment } from './segment-walk.ts';
import { createUnseal } from './unseal.ts';

/** A record as it is stored, byte for byte. */
export interface WholeRecord {
  readonly head: RecordHead;
  readonly headBytes: Buffer;
  /** Null where it was dropped. Not compared with its hash. */
  readonly payload: Buffer | null;
}

export interface SegmentRecordsOptions {
  /** The `commitlog` folder of a data directory. */
  readonly directory: string;
  /** Records up to this one are left out. */
  readonly after: number;
  /** The last one; all up to it are on disk. Null: all that are whole. */
  readonly upTo: number | null;
}

/**
 * The records of a log in files, in order and with their bytes, while an engine may write on; nothing is changed and no
 * lock is needed. One record is in memory at a time.
 * @throws EngineFailure `damaged` where a record is, with its place; the system's error where a file cannot be read
 */
export async function* segmentRecords({
  directory,
  after,
  upTo,
}: SegmentRecordsOptions): AsyncGenerator<WholeRecord, void, void> {
  const all = await segmentsIn(directory);
  const start = all.findLastIndex((firstSeq) => firstSeq <= after + 1);
  let next = after + 1;
  for (const firstSeq of all.slice(Math.max(0, start))) {
    if (upTo !== null && next > upTo) return;
    if (firstSeq > next) throw lost(next, shownName(directory, firstSeq));
    const isLast = firstSeq === all.at(-1);
    for await (const record of recordsOf({ directory, firstSeq, next, upTo, isLast })) {
      yield record;
      next += 1;
    }
  }
  if (upTo !== null && next <= upTo) throw lost(next, directory);
}

interface Part {
  readonly directory: string;
  readonly firstSeq: number;
  readonly next: number;
  readonly upTo: number | null;
  readonly isLast: boolean;
}

async function* recordsOf(part: Part): AsyncGenerator<WholeRecord, void, void> {
  const { directory, firstSeq, next, upTo, isLast } = part;
  const name = shownName(directory, firstSeq);
  const { handle, footer, fileBytes, writable } = await openSealed(segmentPath(directory, firstSeq), firstSeq);
  try {
    if (footer === null && !(isLast && writable)) throw damaged(name, 'the footer is missing or damaged');
    // What an engine that was killed has left in the memory of the system may be gone after a power cut.
    if (footer === null) await handle.datasync();
    const rows = footer === null ? openRows(handle, fileBytes, part) : footer.table.rowsFrom(next);
    for await (const { seq, row } of rows) {
      if (upTo !== null && seq > upTo) return;
      if (row.state === 'hole') throw damaged(name, `record ${seq} is lost`);
      yield await recordAt(handle, { seq, row, name });
    }
  } finally {
    await handle.close();
  }
}

/** Rows of the segment that grows, up to its last whole record. */
async function* openRows(
  handle: FileHandle,
  fileBytes: number,
  { directory, firstSeq, next }: Part,
): AsyncGenerator<{ readonly seq: number; readonly row: Row }> {
  const name = shownName(directory, firstSeq);
  const walk = { firstSeq, startBytes: 0, open: true, mark: null, table: null, unseal: createUnseal(null) };
  for (const verifyFrom of [next, firstSeq]) {
    let isAstray = false;
    for await (const step of walkSegment({ ...walk, verifyFrom, file: new ReadAhead(handle, fileBytes) })) {
      if (step.kind === 'astray') isAstray = true;
      else if (step.kind === 'torn') return;
      else if (step.kind === 'gap') throw damaged(name, `record ${step.seq} is damaged`);
      else if (step.kind === 'payload')
        throw damaged(name, `the payload of record ${step.seq} is not what its hash says`);
      else if (step.seq >= next) yield step;
    }
    if (!isAstray) return;
  }
}

async function recordAt(
  handle: FileHandle,
  { seq, row, name }: { readonly seq: number; readonly row: Row; readonly name: string },
): Promise<WholeRecord> {
  const isDropped = row.state === 'dropped';
  const bytes = await readExactly(handle, row.headBytes + (isDropped ? 0 : row.payloadBytes), row.offset);
  const headBytes = bytes.subarray(0, row.headBytes);
  const head = decodeHead(headBytes);
  if (head === null || head.record.seq !== seq || head.record.payloadLength !== row.payloadBytes)
    throw damaged(name, `record ${seq} at ${row.offset} is damaged`);
  return { head, headBytes, payload: isDropped ? null : bytes.subarray(row.headBytes) };
}

const damaged = (name: string, text: string): EngineFailure => new EngineFailure('damaged', `${text} (${name})`);
const lost = (seq: number, name: string): EngineFailure => damaged(name, `record ${seq} is in no file`);
