/** Reads the numbers and strings of LevelDB: seven bits a byte, the low ones first. @throws RangeError past the end */
export class Varints {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get isDone(): boolean {
    return this.at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 53; factor *= 128) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError(`no number at ${this.at}`);
  }

  bytes(length = this.number()): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError(`no ${length} bytes at ${this.at}`);
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }
}
