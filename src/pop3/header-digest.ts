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
 * Digest of the header block of a message that comes in pieces. It holds none of them beyond the block: they may be given
 * back while the rest of a large message still comes.
 */
export class HeaderStart {
  #start: Buffer = Buffer.alloc(0);
  #digest: string | null = null;

  add(chunk: Buffer): void {
    if (this.#digest !== null) return;
    this.#start = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk]);
    if (this.#start.length < MAX_HEADER_BYTES && !this.#start.includes(END)) return;
    this.#digest = headerDigest(this.#start);
    this.#start = Buffer.alloc(0);
  }

  digest(): string {
    return this.#digest ?? headerDigest(this.#start);
  }
}

function withoutLastLineEnd(bytes: Buffer): Buffer {
  const end = bytes.length - 2;
  return end >= 0 && bytes[end] === 0x0d && bytes[end + 1] === 0x0a ? bytes.subarray(0, end) : bytes;
}
