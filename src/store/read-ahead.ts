import type { FileHandle } from 'node:fs/promises';

/** Bytes fetched at once where reading goes on right behind. */
const aheadBytes = 1024 * 1024;
/** Fetched where the next look is far away: one page. */
const pageBytes = 4096;

/** Reads a file forward through one window, so that small records cost no system call each. */
export class ReadAhead {
  readonly #handle: FileHandle;
  readonly endBytes: number;
  #buffer = Buffer.alloc(0);
  #start = 0;
  #filled = 0;

  constructor(handle: FileHandle, endBytes: number) {
    this.#handle = handle;
    this.endBytes = endBytes;
  }

  /**
   * The bytes from `offset` on, `length` of them or what is left before the end; good until the next call.
   * `near`: more of what follows will be wanted.
   */
  async at(offset: number, length: number, near = true): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.endBytes - offset));
    if (offset < this.#start || offset + wanted > this.#start + this.#filled) {
      await this.#fill(offset, Math.max(wanted, Math.min(near ? aheadBytes : pageBytes, this.endBytes - offset)));
    }
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + wanted, this.#filled));
  }

  async #fill(offset: number, length: number): Promise<void> {
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafe(length);
    this.#start = offset;
    this.#filled = 0;
    while (this.#filled < length) {
      const { bytesRead } = await this.#handle.read(
        this.#buffer,
        this.#filled,
        length - this.#filled,
        offset + this.#filled,
      );
      if (bytesRead === 0) return;
      this.#filled += bytesRead;
    }
  }
}
