import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf, readExactly } from './segment-files.ts';

/** Where a direct write starts and ends, in the file and in memory: what disks ask for at most (open(2), O_DIRECT). */
export const blockBytes = 4_096;
const pageBytes = 65_536;
/** One write: some fifty messages of common size, which is as many as wait for one sync. */
const stagingBytes = 4 * 1024 * 1024;

/** The one global of the platform whose memory begins at a page. Node's types leave it out. */
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Memory to write from, used by one file at a time; null where the system has no direct writes or no such memory. */
export function openStaging(): Buffer | null {
  if (constants.O_DIRECT === undefined) return null;
  try {
    return Buffer.from(new WebAssembly.Memory({ initial: stagingBytes / pageBytes }).buffer);
  } catch {
    return null;
  }
}

/**
 * Appends to a file past the page cache (O_DIRECT): a byte written for good is copied once, and no page is made for it.
 *
 * Blocks are written whole. The last one is filled up with zeros and written again, with the same bytes in front, when
 * more follows, so the file may end in zeros, fewer than a block, until it is cut to its true length.
 */
export class DirectFile {
  readonly #handle: FileHandle;
  readonly #staging: Buffer;
  /** Where in the file the staged bytes go, and how many of them are the begun last block. */
  #position: number;
  #staged: number;

  private constructor(handle: FileHandle, staging: Buffer, position: number, staged: number) {
    this.#handle = handle;
    this.#staging = staging;
    this.#position = position;
    this.#staged = staged;
  }

  /**
   * Opens the file at `path`, which `handle` reads and whose content ends at `endBytes`; null where its file system has
   * no direct writes.
   */
  static async open(
    path: string,
    staging: Buffer,
    { handle, endBytes }: { readonly handle: FileHandle; readonly endBytes: number },
  ): Promise<DirectFile | null> {
    const staged = endBytes % blockBytes;
    await readExactly(handle, staged, endBytes - staged, staging.subarray(0, staged));
    try {
      const direct = await open(path, constants.O_WRONLY | constants.O_DIRECT);
      return new DirectFile(direct, staging, endBytes - staged, staged);
    } catch (error) {
      if (isRefused(error)) return null;
      throw error;
    }
  }

  /** Writes the pieces behind the last ones. After an error the next call begins where this one did. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const before = { position: this.#position, block: Buffer.from(this.#staging.subarray(0, this.#staged)) };
    try {
      for (const piece of pieces) {
        for (let from = 0; from < piece.length; ) {
          from += this.#stage(piece, from);
          if (this.#staged === this.#staging.length) await this.#write();
        }
      }
      await this.#write();
    } catch (error) {
      this.#position = before.position;
      this.#staged = before.block.length;
      this.#staging.set(before.block);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Copies as much of the piece as there is room for; answers how much that was. */
  #stage(piece: Uint8Array, from: number): number {
    const part = piece.subarray(from, from + this.#staging.length - this.#staged);
    this.#staging.set(part, this.#staged);
    this.#staged += part.length;
    return part.length;
  }

  /** Writes what is staged, and keeps the begun block. */
  async #write(): Promise<void> {
    const begun = this.#staged % blockBytes;
    const end = begun === 0 ? this.#staged : this.#staged - begun + blockBytes;
    this.#staging.fill(0, this.#staged, end);
    for (let done = 0; done < end; ) {
      const { bytesWritten } = await this.#handle.write(this.#staging, done, end - done, this.#position + done);
      // The rest has to begin at a block again; of a block written in part the same bytes are written once more.
      const whole = bytesWritten - (bytesWritten % blockBytes);
      if (whole === 0) throw Object.assign(new Error('the system took no block'), { code: 'EIO' });
      done += whole;
    }
    this.#staging.copyWithin(0, this.#staged - begun, this.#staged);
    this.#position += this.#staged - begun;
    this.#staged = begun;
  }
}

/** The file system does not write directly, or not in blocks of this size. */
export const isRefused = (error: unknown): boolean => ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error) ?? '');
