import { EngineFailure } from '../../streams/failure.ts';
import type { LogRecord, RecordDraft } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import { particularsBytes } from '../store/particulars.ts';
import { decodeHead, type EncodedRecord, lengthOf, type RecordHead, readHeader, sha256Of } from '../store/record.ts';
import type { PlacedRow, ReadRow } from './log-rows.ts';
import { type LogSeal, type PlainPayload, type StoredPayload, sealedTailBytes } from './log-seal.ts';
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
export function prepare(waiting: Waiting, seal: LogSeal | null): Prepared {
  const { draft } = waiting;
  const { kind, payload } = draft;
  const length = lengthOf(payload);
  const tailLength = tailLengthOf({ kind, facts: draft.facts }, length);
  const sha256 = draft.payloadSha256 ?? sha256Of(payload);
  const plain = partedPieces(payload, length, tailLength);
  const stored = storedPayload(kind, { ...plain, sha256 }, seal);
  return { waiting, draft: { ...draft, payloadSha256: sha256 }, bodyLength: length - tailLength, ...stored };
}

function partedPieces(payload: readonly Uint8Array[], length: number, tailLength: number): StoredPayload {
  if (tailLength === length) return { body: [], tail: Buffer.concat(payload) };
  if (tailLength === 0) return { body: payload, tail: Buffer.alloc(0) };
  const last = payload.at(-1);
  if (last === undefined || last.length !== tailLength)
    throw new RangeError('the particulars of a record are the last piece of its payload');
  return { body: payload.slice(0, -1), tail: Buffer.from(last) };
}

/** The payload of a record as it is stored; as it is where `seal` is null, and where there is none. */
export function storedPayload(kind: LogRecord['kind'], plain: PlainPayload, seal: LogSeal | null): StoredPayload {
  const { body, tail } = plain;
  if (seal === null || !sealsRecord(kind)) return { body, tail };
  return tail.length === 0 && lengthOf(body) === 0 ? { body, tail } : seal.payload(plain);
}

/** The head of a record as it goes into its row; as it is where `seal` is null. */
export const storedHead = (
  { record: { kind, seq }, head }: Pick<EncodedRecord, 'record' | 'head'>,
  seal: LogSeal | null,
): Buffer => (seal === null || !sealsRecord(kind) ? head : seal.head(head, seq));

/** Signed heads stay in clear, as in files: nothing else is in them. */
const sealsRecord = (kind: LogRecord['kind']): boolean => kind !== 'checkpoint';

/** A draft that cannot be written is its caller's bug; the others of the group have no part in it. */
export const prepareAll = (group: readonly Waiting[], seal: LogSeal | null): readonly Prepared[] =>
  group.flatMap((waiting) => {
    try {
      return [prepare(waiting, seal)];
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

/**
 * What a row says, in clear. @throws EngineFailure `damaged`; `key-unusable` where it is sealed, and nothing is at hand to
 * open it
 */
export function decodeRow(
  { seq, head: bytes, tail, dropped }: ReadRow & { readonly dropped?: boolean },
  seal: LogSeal | null,
): { readonly head: RecordHead; readonly record: LogRecord } {
  const found = decodeHead(bytes);
  if (found === null || found.record.seq !== seq) throw new EngineFailure('damaged', `record ${seq}`);
  const standing = dropped === true ? null : tail;
  if (found.seal === null) return { head: found, record: withTail(found.record, standing) };
  const own = needed(seal, seq);
  const head = own.openHead(found);
  return { head, record: withSealedTail(head.record, standing, own) };
}

function needed(seal: LogSeal | null, seq: number): LogSeal {
  if (seal !== null) return seal;
  throw new EngineFailure('key-unusable', `record ${seq} of the log is encrypted, and store.encryption names no key`);
}

function withSealedTail(record: LogRecord, stored: Buffer | null, seal: LogSeal): LogRecord {
  if (stored === null || stored.length === 0 || particularsBytes(record) === 0) return withTail(record, stored);
  const tail = seal.openTail(stored, Buffer.from(record.payloadSha256, 'hex'));
  return tail === null ? record : withTail(record, tail);
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
  { rows, vault, seal }: Pick<SharedLogOptions, 'rows' | 'vault' | 'seal'>,
  seq: number,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const row = await rows.read(seq);
  const { bodyLength, dropped } = row;
  if (dropped) throw new EngineFailure('missing', `the payload of record ${seq} was deleted`);
  const end = offset + length;
  const opener = openerOf(row, seal);
  if (offset < 0 || length < 0 || end > bodyLength + opener.tailLength)
    throw new EngineFailure('missing', `bytes ${offset} to ${end} of record ${seq}`);
  const ofTail =
    end <= bodyLength ? noBytes : opener.tail().subarray(Math.max(0, offset - bodyLength), end - bodyLength);
  if (offset >= bodyLength) return ofTail;
  const bodyEnd = Math.min(end, bodyLength);
  const stored = await readBody({ rows, vault }, row, offset, bodyEnd - offset).catch(async (error: unknown) => {
    // A pack may be put in the place of another between the row and its bytes (shared-drop.ts).
    const now = isMissing(error) ? await rows.read(seq) : row;
    if (now.dropped || isSamePlace(now, row)) throw error;
    return readBody({ rows, vault }, now, offset, bodyEnd - offset);
  });
  const ofBody = opener.body(stored, offset);
  return ofTail.length === 0 ? ofBody : Buffer.concat([ofBody, ofTail]);
}

/** Opens the payload of a row. */
export interface Opener {
  /** In clear. */
  readonly tailLength: number;
  /** @throws EngineFailure `damaged` */
  tail(): Buffer;
  /** `bytes` of the body, of which the first stands at `offset`. @throws EngineFailure `damaged` */
  body(bytes: Uint8Array, offset: number): Uint8Array;
}

/** @throws EngineFailure `key-unusable` */
export function openerOf({ seq, head, tail: stored }: ReadRow, given: LogSeal | null): Opener {
  const header = readHeader(head);
  if (header?.isSealed !== true || header.payloadBytes === 0)
    return { tailLength: stored.length, tail: () => stored, body: (bytes) => bytes };
  const seal = needed(given, seq);
  return {
    tailLength: Math.max(0, stored.length - sealedTailBytes),
    tail: () => {
      const found = decodeHead(head);
      const tail = found && seal.openTail(stored, Buffer.from(found.record.payloadSha256, 'hex'));
      if (tail === null) throw new EngineFailure('damaged', `record ${seq} or its tail`);
      return tail;
    },
    body: (bytes, offset) => seal.openBody(bytes, offset, stored),
  };
}

const noBytes = Buffer.alloc(0);
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
