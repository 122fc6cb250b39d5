import { EngineFailure } from '../../streams/failure.ts';
import type { LogRecord, RecordDraft } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import { particularsBytes } from '../store/particulars.ts';
import { decodeHead, lengthOf, type RecordHead, sha256Of } from '../store/record.ts';
import type { PlacedRow, ReadRow } from './log-rows.ts';
import type { Prepared, SharedLogOptions } from './shared-log.types.ts';

/** A transaction holds the log for as long as it is written: some 20 ms of it. */
const maxGroupBytes = 8 * 1024 * 1024;
const maxGroupRecords = 256;

/** Cuts off the front of the queue, as much as one group holds; one record larger than this goes alone. */
export function takeGroup(waiting: Waiting[]): readonly Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { draft } of waiting) {
    bytes += lengthOf(draft.payload);
    if (count >= maxGroupRecords || (count > 0 && bytes > maxGroupBytes)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

/** Whether there are bytes of mail in it. */
export const hasBody = ({ kind, facts, payload }: RecordDraft): boolean =>
  (kind === 'intake' || kind === 'chunk') && lengthOf(payload) > particularsBytes({ facts });

/**
 * What can be done before a record has its place. Bytes of mail are the body; all else of a payload is the tail, which
 * stands in the row, since every worker reads it to fold the record.
 */
export function prepare(waiting: Waiting): Prepared {
  const { draft } = waiting;
  const { kind, payload } = draft;
  const length = lengthOf(payload);
  const tailLength = tailLengthOf({ kind, facts: draft.facts }, length);
  const whole = { ...draft, payloadSha256: draft.payloadSha256 ?? sha256Of(payload) };
  if (tailLength === length) return { waiting, draft: whole, body: [], bodyLength: 0, tail: Buffer.concat(payload) };
  if (tailLength === 0) return { waiting, draft: whole, body: payload, bodyLength: length, tail: Buffer.alloc(0) };
  const last = payload.at(-1);
  if (last === undefined || last.length !== tailLength)
    throw new RangeError('the particulars of a record are the last piece of its payload');
  return {
    waiting,
    draft: whole,
    body: payload.slice(0, -1),
    bodyLength: length - tailLength,
    tail: Buffer.from(last),
  };
}

/** A draft that cannot be written is its caller's bug; the others of the group have no part in it. */
export const prepareAll = (group: readonly Waiting[]): readonly Prepared[] =>
  group.flatMap((waiting) => {
    try {
      return [prepare(waiting)];
    } catch (error) {
      waiting.reject(error);
      return [];
    }
  });

/** How many bytes at the end of a payload of `length` are its tail. */
export function tailLengthOf(record: Pick<LogRecord, 'kind' | 'facts'>, length: number): number {
  const isMail = record.kind === 'intake' || record.kind === 'chunk';
  return isMail ? Math.min(length, particularsBytes(record)) : length;
}

/** @throws EngineFailure `damaged` */
export function decodeRow({ seq, head: bytes, tail, dropped }: ReadRow & { readonly dropped?: boolean }): {
  readonly head: RecordHead;
  readonly record: LogRecord;
} {
  const head = decodeHead(bytes);
  if (head === null || head.record.seq !== seq) throw new EngineFailure('damaged', `record ${seq}`);
  return { head, record: withTail(head.record, dropped === true ? null : tail) };
}

/** As `withParticulars` of a log in files: null where they were deleted, absent where there are none or they are damaged. */
function withTail(record: LogRecord, tail: Buffer | null): LogRecord {
  const length = particularsBytes(record);
  if (length === 0) return record;
  if (tail === null || tail.length < length) return { ...record, particulars: null };
  try {
    return { ...record, particulars: JSON.parse(tail.toString('utf8', tail.length - length)) };
  } catch {
    return record;
  }
}

/**
 * Bytes of a payload, over its body and its tail.
 * @throws EngineFailure `missing`, also where it was deleted; `damaged`, `store-failed`
 */
export async function sliceOf(
  { rows, vault }: Pick<SharedLogOptions, 'rows' | 'vault'>,
  seq: number,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const row = await rows.read(seq);
  const { bodyLength, tail, dropped } = row;
  if (dropped) throw new EngineFailure('missing', `the payload of record ${seq} was deleted`);
  const end = offset + length;
  if (offset < 0 || length < 0 || end > bodyLength + tail.length)
    throw new EngineFailure('missing', `bytes ${offset} to ${end} of record ${seq}`);
  const ofTail = tail.subarray(Math.max(0, offset - bodyLength), Math.max(0, end - bodyLength));
  if (offset >= bodyLength) return ofTail;
  const bodyEnd = Math.min(end, bodyLength);
  const ofBody = await readBody({ rows, vault }, row, offset, bodyEnd - offset).catch(async (error: unknown) => {
    // A pack may be put in the place of another between the row and its bytes (shared-drop.ts).
    const now = isMissing(error) ? await rows.read(seq) : row;
    if (now.dropped || isSamePlace(now, row)) throw error;
    return readBody({ rows, vault }, now, offset, bodyEnd - offset);
  });
  return ofTail.length === 0 ? ofBody : Buffer.concat([ofBody, ofTail]);
}

export const isMissing = (error: unknown): boolean => error instanceof EngineFailure && error.code === 'missing';
const packOf = ({ place }: PlacedRow): string | null => (place !== null && 'ref' in place ? place.ref.pack : null);
const isSamePlace = (one: PlacedRow, other: PlacedRow): boolean => packOf(one) === packOf(other);

async function readBody(
  { rows, vault }: Pick<SharedLogOptions, 'rows' | 'vault'>,
  { seq, place }: PlacedRow,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (length === 0) return Buffer.alloc(0);
  if (place === null) throw new EngineFailure('missing', `the body of record ${seq}`);
  if ('body' in place) return rows.readBody(place.body, offset, length);
  if (vault === null)
    throw new EngineFailure('missing', `the body of record ${seq} lies in object storage, which is not configured`);
  return vault.read(place.ref, offset, length);
}
