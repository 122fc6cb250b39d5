import { createHash } from 'node:crypto';
import { MAX_HEADER_BYTES } from './session.ts';

const END = Buffer.from('\r\n\r\n');

/**
 * SHA-256 of the header block at the start of `bytes`, without its empty line, MAX_HEADER_BYTES of it at most: the same
 * for a message and for what TOP shows of it.
 */
export function headerDigest(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MAX_HEADER_BYTES));
  const end = start.indexOf(END);
  const block = end >= 0 ? start.subarray(0, end) : withoutLastLineEnd(start);
  return createHash('sha256').update(block).digest('hex');
}

/**
 * The header block of a message that comes in pieces. It is copied out of them once it is there: they may be given back
 * while the rest of a large message still comes.
 */
export class HeaderStart {
  #start: Buffer = Buffer.alloc(0);
  #whole = false;

  add(chunk: Buffer): void {
    if (this.#whole) return;
    this.#start = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk]);
    const end = this.#start.indexOf(END);
    if (this.#start.length < MAX_HEADER_BYTES && end < 0) return;
    this.#whole = true;
    this.#start = Buffer.from(this.#start.subarray(0, blockLength(end)));
  }

  /** True once all of the block has come, or as much of it as counts. */
  get isWhole(): boolean {
    return this.#whole;
  }

  /** As far as it has come, with its empty line; MAX_HEADER_BYTES at most. */
  get block(): Buffer {
    return this.#start.subarray(0, MAX_HEADER_BYTES);
  }

  digest(): string {
    return headerDigest(this.#start);
  }
}

function blockLength(end: number): number {
  return end < 0 ? MAX_HEADER_BYTES : Math.min(end + END.length, MAX_HEADER_BYTES);
}

function withoutLastLineEnd(bytes: Buffer): Buffer {
  const end = bytes.length - 2;
  return end >= 0 && bytes[end] === 0x0d && bytes[end + 1] === 0x0a ? bytes.subarray(0, end) : bytes;
}
