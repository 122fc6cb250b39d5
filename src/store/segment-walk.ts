import type { ReadAhead } from './read-ahead.ts';
import { decodeHead, findMagic, headerBytes, minRecordBytes, type RecordHead, readHeader } from './record.ts';
import type { PayloadCheck } from './sealed-record.ts';
import type { Row, SegmentTable } from './segment-table.ts';
import type { Unseal } from './unseal.ts';

/** Payloads are hashed, and records searched for, in pieces of this size. */
const pieceBytes = 1024 * 1024;
/** Records up to this size are hopped over inside a large window; beyond it each hop reads one page. */
const nearBytes = 64 * 1024;

export interface WalkOptions {
  readonly file: ReadAhead;
  /** The record expected at `startBytes`. */
  readonly firstSeq: number;
  readonly startBytes: number;
  /** Records before this one are hopped over by their headers; from it on all is verified. */
  readonly verifyFrom: number;
  /** The last segment, without a footer: wrong bytes at its end are a torn tail, not damage. */
  readonly open: boolean;
  /** Mark of the log, where it is known. */
  readonly mark: number | null;
  /** The footer's table, where there is one: it knows the payloads that were dropped. */
  readonly table: SegmentTable | null;
  readonly unseal: Unseal;
}

/** What a walk through one segment comes upon, in order. */
export type Step =
  /**
   * `head` is null where the record was only hopped over; sealed facts are not opened. `isGone`: its payload was dropped, or
   * its key destroyed. `isUnread`: its payload is there, and nobody can say whether it is right.
   */
  | {
      readonly kind: 'frame';
      readonly seq: number;
      readonly row: Row;
      readonly head: RecordHead | null;
      readonly isGone: boolean;
      readonly isUnread: boolean;
    }
  /** The frame of the record with the wrong payload follows. */
  | { readonly kind: 'payload'; readonly seq: number; readonly offset: number }
  /** Records from `seq` on, `untilSeq` not among them, are lost; null: all up to the end of the segment. */
  | { readonly kind: 'gap'; readonly seq: number; readonly untilSeq: number | null; readonly offset: number }
  | { readonly kind: 'torn'; readonly offset: number }
  /** A hop led astray: walk again, all verified. */
  | { readonly kind: 'astray' };

/** Walks the records of a segment from `startBytes` to its end. */
export async function* walkSegment(options: WalkOptions): AsyncGenerator<Step> {
  const { file, open } = options;
  let { firstSeq: seq, startBytes: at, mark } = options;
  let recordBytes = 0;
  while (at < file.endBytes) {
    if (seq < options.verifyFrom) {
      const header = readHeader(await file.at(at, headerBytes, recordBytes < nearBytes));
      recordBytes = header === null ? 0 : header.headBytes + header.payloadBytes;
      if (header?.seq !== seq || header.mark !== (mark ?? header.mark) || at + recordBytes > file.endBytes) {
        yield { kind: 'astray' };
        return;
      }
      mark ??= header.mark;
      const { headBytes, payloadBytes } = header;
      const row: Row = { offset: at, headBytes, payloadBytes, state: 'whole' };
      yield { kind: 'frame', seq, row, head: null, isGone: false, isUnread: false };
      at += recordBytes;
      seq += 1;
      continue;
    }
    const head = await headAt(file, at, mark);
    if (head === null || head.record.seq !== seq) {
      const found = await findRecord(file, { from: at + 1, minSeq: seq, mark });
      if (found === null) {
        yield open ? { kind: 'torn', offset: at } : { kind: 'gap', seq, untilSeq: null, offset: at };
        return;
      }
      yield { kind: 'gap', seq, untilSeq: found.seq, offset: at };
      ({ offset: at, seq } = found);
      continue;
    }
    mark ??= head.mark;
    const verdict = await judgePayload(options, head, at);
    if (verdict === 'torn') {
      yield { kind: 'torn', offset: at };
      return;
    }
    if (verdict === 'damaged') yield { kind: 'payload', seq, offset: at };
    const { headBytes, record } = head;
    const state = verdict === 'dropped' ? 'dropped' : 'whole';
    const row: Row = { offset: at, headBytes, payloadBytes: record.payloadLength, state };
    const isGone = verdict === 'dropped' || verdict === 'gone';
    yield { kind: 'frame', seq, row, head, isGone, isUnread: verdict === 'unread' };
    at += headBytes + (state === 'dropped' ? 0 : record.payloadLength);
    seq += 1;
  }
}

async function judgePayload(
  { file, open, table, mark, unseal }: WalkOptions,
  head: RecordHead,
  at: number,
): Promise<'whole' | 'gone' | 'unread' | 'dropped' | 'damaged' | 'torn'> {
  const { headBytes, record, mark: own, seal } = head;
  const { seq, payloadLength } = record;
  const from = at + headBytes;
  const next = from + payloadLength;
  if (table?.row(seq)?.state === 'dropped') return 'dropped';
  // A thinned segment whose footer is damaged: the next record stands where the payload was.
  const isThinned = async (): Promise<boolean> =>
    table === null && !open && payloadLength > 0 && (await headAt(file, from, mark ?? own))?.record.seq === seq + 1;
  // Mail may hold a record, encrypted mail cannot; and without its key nothing else would tell.
  if (seal !== null && (await isThinned())) return 'dropped';
  if (next <= file.endBytes) {
    const check = await unseal.payload(head);
    if (typeof check === 'string') return check;
    if (await isRightAt(file, check, from, payloadLength)) return 'whole';
  }
  if (seal === null && (await isThinned())) return 'dropped';
  if (!open) return 'damaged';
  const after = await findRecord(file, { from: next, minSeq: seq + 1, mark: mark ?? own });
  return after === null ? 'torn' : 'damaged';
}

async function headAt(file: ReadAhead, at: number, mark: number | null): Promise<RecordHead | null> {
  const header = readHeader(await file.at(at, headerBytes));
  if (header === null || header.mark !== (mark ?? header.mark) || at + header.headBytes > file.endBytes) return null;
  return decodeHead(await file.at(at, header.headBytes));
}

async function isRightAt(file: ReadAhead, check: PayloadCheck, from: number, length: number): Promise<boolean> {
  for (let done = 0; done < length; done += pieceBytes) {
    check.update(await file.at(from + done, Math.min(pieceBytes, length - done)));
  }
  return check.isRight();
}

/** The next whole head at or after `from`, whose number fits the bytes between. */
async function findRecord(
  file: ReadAhead,
  { from, minSeq, mark }: { readonly from: number; readonly minSeq: number; readonly mark: number | null },
): Promise<{ offset: number; seq: number } | null> {
  let at = from;
  while (at < file.endBytes) {
    const piece = await file.at(at, pieceBytes);
    const place = findMagic(piece, 0);
    if (place === -1) {
      // Three bytes back: the magic may lie across the border.
      at += Math.max(1, piece.length - 3);
      continue;
    }
    const offset = at + place;
    const seq = (await headAt(file, offset, mark))?.record.seq;
    if (seq !== undefined && seq >= minSeq && seq - minSeq <= 1 + (offset - from) / minRecordBytes)
      return { offset, seq };
    at = offset + 1;
  }
  return null;
}
