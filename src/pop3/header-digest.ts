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

/** Keeps the start of a message that comes in pieces, up to the end of its header block. */
export class HeaderStart {
  #start: Buffer = Buffer.alloc(0);
  #done = false;

  add(chunk: Buffer): void {
    if (this.#done) return;
    this.#start = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk]);
    this.#done = this.#start.length >= MAX_HEADER_BYTES || this.#start.includes(END);
  }

  digest(): string {
    return headerDigest(this.#start);
  }
}

function withoutLastLineEnd(bytes: Buffer): Buffer {
  const end = bytes.length - 2;
  return end >= 0 && bytes[end] === 0x0d && bytes[end + 1] === 0x0a ? bytes.subarray(0, end) : bytes;
}
