import { createHash, hash as hashOf } from 'node:crypto';
import { type LogRecord, type RecordDraft, recordKinds } from './commit-log.types.ts';
import { factsIn } from './facts.ts';

/**
 * One record of the commit log, byte by byte (store section 2). Numbers are unsigned and big-endian.
 *
 *      0   4  magic `DYBK`
 *      4   1  format version, 1; 2 for a sealed record
 *      5   1  kind, its place in `recordKinds`
 *      6   6  time of the append, epoch ms
 *     12   6  sequence number
 *     18   6  mark: drawn once for a log. Mail may carry a copy of a record; without the mark of this log a search
 *             for the next record after damage does not take it for one
 *     24   4  length of the facts
 *     28   4  length of the payload
 *     32  32  SHA-256 of the payload
 *     64  32  hash of the record before; zeros in record 1
 *     96   F  facts, JSON in UTF-8
 *   96+F  32  hash of this record: SHA-256 of all bytes above
 *  128+F   P  payload
 *
 * The hash covers the facts and, through its SHA-256, the payload: a payload can be left out later and chain and proofs
 * stay whole. Header, facts and hash together are the head.
 *
 * In a sealed record facts and payload are encrypted, each as long as it was, and behind the hash stands a seal:
 *
 *  128+F  12  nonce
 *  140+F  16  tag of the facts
 *  156+F  16  tag of the payload; zeros where there is none
 *  172+F  32  SHA-256 of all bytes above, as they stand here
 *  204+F   P  payload
 *
 * The hashes in the header and behind the facts are those of the record in clear, with 1 for its version: chain, tree and
 * proofs are the same with and without encryption, and outlive any key.
 */
export const headerBytes = 96;
export const hashBytes = 32;
/** The shortest record: no facts, no payload. */
export const minRecordBytes = headerBytes + hashBytes;
/** Facts of the largest window are some 10 MB; beyond this the length field itself is taken for damaged. */
export const maxFactsBytes = 64 * 1024 * 1024;
/** Larger messages come in chunks; a payload is read in one piece, so it must fit one buffer. */
export const maxPayloadBytes = 1024 * 1024 * 1024;
/** Upper bound, exclusive, of a mark. */
export const markLimit = 2 ** 48 - 1;

const magic = 0x4459424b;
export const plainVersion = 1;
export const sealedVersion = 2;
export const nonceBytes = 12;
export const tagBytes = 16;
/** What a sealed head has more. */
export const sealBytes = nonceBytes + 2 * tagBytes + hashBytes;
const noPayload: readonly Uint8Array[] = [];
/** What record 1 names as the record before it. */
export const genesisHash = '0'.repeat(64);

/** The fixed part of a head; plausible, not verified. */
export interface RecordHeader {
  readonly seq: number;
  readonly mark: number;
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly isSealed: boolean;
}

/** What a sealed record is opened with, beside its keys. */
export interface Seal {
  /** What both tags cover too: the header as it stands, and the hash of the record. */
  readonly bound: Buffer;
  readonly facts: Buffer;
  readonly nonce: Buffer;
  readonly factsTag: Buffer;
  readonly payloadTag: Buffer;
}

/**
 * A verified head: its hash is right, or, of a sealed one, that of the bytes as they stand; then its facts are undefined
 * until it is opened. Whether it continues the record before is for the reader to see.
 */
export interface RecordHead {
  readonly record: LogRecord;
  /** Null where the record is in clear. */
  readonly seal: Seal | null;
  readonly previousHash: string;
  readonly mark: number;
  readonly headBytes: number;
}

/** A record ready to be written: `head`, then the pieces of the payload as they came. */
export interface EncodedRecord {
  readonly record: LogRecord;
  readonly head: Buffer;
  readonly payload: readonly Uint8Array[];
  readonly lengthBytes: number;
}

/** Where a record goes. */
export interface RecordPlace {
  readonly seq: number;
  readonly at: number;
  readonly mark: number;
  readonly previousHash: string;
}

/** Encodes a draft for its place. The payload is not copied. */
export function encodeRecord(draft: RecordDraft, place: RecordPlace): EncodedRecord {
  const json = JSON.stringify(draft.facts ?? null);
  const factsBytes = Buffer.byteLength(json);
  const payload = draft.payload.length === 0 ? noPayload : draft.payload;
  const payloadBytes = lengthOf(payload);
  if (factsBytes > maxFactsBytes || payloadBytes > maxPayloadBytes) {
    throw new RangeError(`a record of ${factsBytes} bytes of facts and ${payloadBytes} of payload is beyond the limit`);
  }
  const sha256 = draft.payloadSha256 ?? sha256Of(payload);
  const hashAt = headerBytes + factsBytes;
  const head = Buffer.allocUnsafe(hashAt + hashBytes);
  head.writeUInt32BE(magic, 0);
  head[4] = plainVersion;
  head[5] = recordKinds.indexOf(draft.kind);
  head.writeUIntBE(place.at, 6, 6);
  head.writeUIntBE(place.seq, 12, 6);
  head.writeUIntBE(place.mark, 18, 6);
  head.writeUInt32BE(factsBytes, 24);
  head.writeUInt32BE(payloadBytes, 28);
  head.set(sha256, 32);
  head.write(place.previousHash, 64, 'hex');
  head.write(json, headerBytes, 'utf8');
  const hash = hashOf('sha256', head.subarray(0, hashAt), 'buffer');
  head.set(hash, hashAt);
  const record: LogRecord = {
    kind: draft.kind,
    seq: place.seq,
    at: place.at,
    facts: draft.facts,
    payloadLength: payloadBytes,
    payloadSha256: hex(sha256),
    hash: hash.toString('hex'),
    ...(draft.particulars === undefined ? {} : { particulars: draft.particulars }),
  };
  return { record, head, payload, lengthBytes: head.length + payloadBytes };
}

/** Reads the fixed part, without a look at the hash; null where these bytes cannot begin a record. */
export function readHeader(bytes: Buffer): RecordHeader | null {
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== magic) return null;
  const isSealed = bytes[4] === sealedVersion;
  if (!isSealed && bytes[4] !== plainVersion) return null;
  const factsBytes = bytes.readUInt32BE(24);
  const payloadBytes = bytes.readUInt32BE(28);
  if (recordKinds[bytes[5] ?? 255] === undefined || factsBytes > maxFactsBytes || payloadBytes > maxPayloadBytes) {
    return null;
  }
  return {
    seq: bytes.readUIntBE(12, 6),
    mark: bytes.readUIntBE(18, 6),
    headBytes: minRecordBytes + factsBytes + (isSealed ? sealBytes : 0),
    payloadBytes,
    isSealed,
  };
}

/** Reads a head and verifies its hash; null where it is damaged, or was never ours. `bytes` may be longer than the head. */
export function decodeHead(bytes: Buffer): RecordHead | null {
  const header = readHeader(bytes);
  if (header === null || bytes.length < header.headBytes) return null;
  const checkAt = header.headBytes - hashBytes;
  const hashAt = header.isSealed ? checkAt - sealBytes : checkAt;
  const check = bytes.subarray(checkAt, header.headBytes);
  const kind = recordKinds[bytes[5] ?? 255];
  if (kind === undefined || !hashOf('sha256', bytes.subarray(0, checkAt), 'buffer').equals(check)) return null;
  const facts = header.isSealed ? undefined : factsIn(bytes.toString('utf8', headerBytes, hashAt));
  if (facts === undefined && !header.isSealed) return null;
  return {
    record: {
      kind,
      seq: header.seq,
      at: bytes.readUIntBE(6, 6),
      facts,
      payloadLength: header.payloadBytes,
      payloadSha256: bytes.toString('hex', 32, 64),
      hash: bytes.toString('hex', hashAt, hashAt + hashBytes),
    },
    seal: header.isSealed ? readSeal(bytes, hashAt) : null,
    previousHash: bytes.toString('hex', 64, 96),
    mark: header.mark,
    headBytes: header.headBytes,
  };
}

/** A copy: the bytes of a head are a reader's window. */
function readSeal(bytes: Buffer, hashAt: number): Seal {
  const at = hashAt + hashBytes;
  const copy = Buffer.from(bytes.subarray(0, at + sealBytes));
  return {
    bound: Buffer.concat([copy.subarray(0, headerBytes), copy.subarray(hashAt, at)]),
    facts: copy.subarray(headerBytes, hashAt),
    nonce: copy.subarray(at, at + nonceBytes),
    factsTag: copy.subarray(at + nonceBytes, at + nonceBytes + tagBytes),
    payloadTag: copy.subarray(at + nonceBytes + tagBytes, at + nonceBytes + 2 * tagBytes),
  };
}

/**
 * The bytes of a head in clear, all but its hash at the end: what the hash is the SHA-256 of.
 * @throws RangeError where they cannot be made again from what was read
 */
export function hashedBytes({ record, previousHash, mark }: RecordHead): Buffer {
  const { kind, seq, at, facts, payloadLength, payloadSha256, hash } = record;
  const json = JSON.stringify(facts);
  const bytes = Buffer.alloc(headerBytes + Buffer.byteLength(json));
  bytes.writeUInt32BE(magic, 0);
  bytes[4] = plainVersion;
  bytes[5] = recordKinds.indexOf(kind);
  bytes.writeUIntBE(at, 6, 6);
  bytes.writeUIntBE(seq, 12, 6);
  bytes.writeUIntBE(mark, 18, 6);
  bytes.writeUInt32BE(bytes.length - headerBytes, 24);
  bytes.writeUInt32BE(payloadLength, 28);
  bytes.write(payloadSha256, 32, 'hex');
  bytes.write(previousHash, 64, 'hex');
  bytes.write(json, headerBytes, 'utf8');
  if (hashOf('sha256', bytes, 'hex') !== hash) throw new RangeError(`record ${seq} cannot be written as it stands`);
  return bytes;
}

/** First place at or after `from` where the magic stands, or -1. */
export const findMagic = (bytes: Buffer, from: number): number => bytes.indexOf('DYBK', from, 'latin1');

export const lengthOf = (pieces: readonly Uint8Array[]): number => {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
};

/** SHA-256 of pieces in order. */
export function sha256Of(pieces: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
