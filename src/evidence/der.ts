/** DER (X.690) as far as a time-stamp needs it: short tags, definite lengths, and nothing taken on trust. */

/** Tags of the values that occur; context tags as they stand in RFC 3161. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  oid: 0x06,
  time: 0x18,
  sequence: 0x30,
  context0: 0xa0,
} as const;

/** A value with its tag and length before it. */
export function encoded(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

/** An INTEGER from its bytes, which are taken for a number without a sign. */
export function unsigned(bytes: Uint8Array): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0);
  const digits = from < 0 ? Buffer.alloc(1) : Buffer.from(bytes.subarray(from));
  return encoded(tags.integer, ...((digits[0] ?? 0) >= 0x80 ? [Buffer.alloc(1)] : []), digits);
}

/** One value as it was read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
}

/** The longest length field: values of 16 MB, and the caller bounds the whole far below. */
const maxLengthBytes = 3;

/** Reads values one after the other; each step fails loudly where the bytes are not what was asked for. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of the next value; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next value. @throws RangeError where it is cut off, or not of that tag */
  value(tag?: number): DerValue {
    const found = this.#byte();
    if (tag !== undefined && found !== tag) throw new RangeError(`not the value that belongs here (tag ${found})`);
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new RangeError('a value that goes beyond the end');
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag: found, content };
  }

  /** The values within the next one, which has this tag. @throws RangeError */
  within(tag: number): DerReader {
    return new DerReader(this.value(tag).content);
  }

  /** The next value where it has this tag; else nothing is read. @throws RangeError where it is cut off */
  optional(tag: number): DerValue | undefined {
    return this.next === tag ? this.value(tag) : undefined;
  }

  /** A small number without a sign. @throws RangeError */
  number(): number {
    const { content } = this.value(tags.integer);
    if (content.length === 0 || content.length > 4) throw new RangeError('a number of another size');
    return content.readIntBE(0, content.length);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError('the end where a value belongs');
    this.#at += 1;
    return byte;
  }

  /** Indefinite lengths are BER, not DER. */
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const bytes = first & 0x7f;
    if (bytes === 0 || bytes > maxLengthBytes) throw new RangeError('a length of another form');
    let length = 0;
    for (let left = bytes; left > 0; left -= 1) length = length * 256 + this.#byte();
    return length;
  }
}

/** An OBJECT IDENTIFIER as people write it. @throws RangeError */
export function oidOf({ tag, content }: DerValue): string {
  if (tag !== tags.oid || content.length === 0 || content.length > 64) throw new RangeError('no object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new RangeError('an object identifier beyond all numbers');
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

/** The bytes of an OBJECT IDENTIFIER of small arcs, tag and length before them. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const content = [first * 40 + second, ...rest].flatMap((arc) => {
    const bytes = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left % 128) | 0x80);
    return bytes;
  });
  return encoded(tags.oid, Buffer.from(content));
}
