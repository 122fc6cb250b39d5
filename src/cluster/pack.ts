import { createHash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { lengthOf } from '../store/record.ts';
import { sha256Of } from './digest.ts';

/**
 * A pack: payloads, each behind the head of its frame, then a table of all frames, so that a pack can be read with
 * nothing beside it. Numbers are little-endian, of 64 bits, digests are SHA-256.
 *
 *     pack  = frame* table foot
 *     frame = "daybkfr1" length digest payload
 *     table = (at length digest)*          `at`: where the payload begins, counted from the start of the pack
 *     foot  = "daybktb1" frames digest     of the table; 48 bytes, as the head of a frame
 */
const frameMagic = Buffer.from('daybkfr1');
const tableMagic = Buffer.from('daybktb1');

export const frameHeadBytes = 48;
const rowBytes = 48;
/** Each payload is so much larger in a pack. */
export const frameBytes = frameHeadBytes + rowBytes;
export const packFootBytes = 48;

/** A payload on its way, and its SHA-256. */
export interface Payload {
  readonly pieces: readonly Uint8Array[];
  readonly length: number;
  readonly digest: Uint8Array;
}

/** Where a payload stands in its pack. */
export interface Frame {
  /** Of its first byte, behind the head. */
  readonly at: number;
  readonly length: number;
  readonly digest: Uint8Array;
}

/** The bytes of a pack, in pieces: those of the payloads are not copied. */
export function encodePack(payloads: readonly Payload[]): {
  readonly pieces: readonly Uint8Array[];
  readonly frames: readonly Frame[];
  /** Bytes of all pieces. */
  readonly size: number;
} {
  const pieces: Uint8Array[] = [];
  const frames: Frame[] = [];
  let at = 0;
  for (const { pieces: own, length, digest } of payloads) {
    if (lengthOf(own) !== length) throw new Error(`a payload of ${lengthOf(own)} bytes is said to have ${length}`);
    pieces.push(head(frameMagic, length, digest), ...own);
    at += frameHeadBytes;
    frames.push({ at, length, digest });
    at += length;
  }
  const table = Buffer.concat(frames.map(row));
  pieces.push(table, head(tableMagic, frames.length, createHash('sha256').update(table).digest()));
  return { pieces, frames, size: at + table.length + packFootBytes };
}

/** True where a frame, head and payload, is whole, and of that length. */
export async function isWholeFrame(frame: Uint8Array, length: number): Promise<boolean> {
  if (frame.length !== frameHeadBytes + length) return false;
  const digest = await sha256Of([frame.subarray(frameHeadBytes)]);
  return head(frameMagic, length, digest).equals(frame.subarray(0, frameHeadBytes));
}

/**
 * How long the table is, by the foot of a pack of `size` bytes.
 * @throws EngineFailure `damaged` where that is no foot of such a pack
 */
export function tableLength(foot: Uint8Array, size: number): number {
  const bytes = Buffer.from(foot.buffer, foot.byteOffset, foot.length);
  const isFoot = bytes.length === packFootBytes && bytes.subarray(0, 8).equals(tableMagic);
  const length = isFoot ? Number(bytes.readBigUInt64LE(8)) * rowBytes : Number.NaN;
  if (!(length <= size - packFootBytes)) throw new EngineFailure('damaged', 'a pack ends without its table');
  return length;
}

/** What a pack holds, by its table and foot. @throws EngineFailure `damaged` */
export function readTable(table: Uint8Array, foot: Uint8Array): readonly Frame[] {
  const digest = createHash('sha256').update(table).digest();
  if (!head(tableMagic, table.length / rowBytes, digest).equals(foot)) {
    throw new EngineFailure('damaged', 'the table of a pack is not what was written');
  }
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.length);
  return Array.from({ length: table.length / rowBytes }, (_, index) => {
    const from = index * rowBytes;
    const number = (offset: number): number => Number(bytes.readBigUInt64LE(from + offset));
    return { at: number(0), length: number(8), digest: bytes.subarray(from + 16, from + rowBytes) };
  });
}

function head(magic: Uint8Array, count: number, digest: Uint8Array): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes);
  bytes.set(magic, 0);
  bytes.writeBigUInt64LE(BigInt(count), 8);
  bytes.set(digest, 16);
  return bytes;
}

function row({ at, length, digest }: Frame): Buffer {
  const bytes = Buffer.alloc(rowBytes);
  bytes.writeBigUInt64LE(BigInt(at), 0);
  bytes.writeBigUInt64LE(BigInt(length), 8);
  bytes.set(digest, 16);
  return bytes;
}
