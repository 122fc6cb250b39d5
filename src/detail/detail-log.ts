import { join } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';

export interface DetailLogOptions {
  readonly directory: string;
  /** The file is `NAME.log`, those before it `NAME.1.log` and on, the youngest first. */
  readonly name: string;
  /** Epoch ms. */
  readonly now: () => number;
  /** Told what is wrong with the file, once a minute at most. Mail has no part in it. */
  readonly trouble: (error: Error) => void;
  readonly limits?: Partial<DetailLimits>;
}
export interface DetailLimits {
  /** A file is put aside at this size. */
  readonly fileBytes: number;
  /** The current file among them (journaling a.2). */
  readonly files: number;
  /** What waits for a slow disk; more is dropped. */
  readonly waitingBytes: number;
}
const detailLimits: DetailLimits = { fileBytes: 50 * 1024 * 1024, files: 10, waitingBytes: 1024 * 1024 };

/** After trouble the file is tried again, and spoken of again, not before this. */
const restMs = 60_000;
const fileMode = 0o600;

/** The detailed log of one definition: JSON lines in a rotating file. Never waited for; what it cannot keep is counted. */
export interface DetailLog extends AsyncDisposable {
  write(line: Readonly<Record<string, unknown>>): void;
}

/** Nothing is opened before the first line. */
export function openDetailLog(options: DetailLogOptions): DetailLog {
  return new RotatingLog(options, { ...detailLimits, ...options.limits });
}

class RotatingLog implements DetailLog {
  readonly #options: DetailLogOptions;
  readonly #limits: DetailLimits;
  #stream: RotatingFileStream | null = null;
  #dropped = 0;
  #triedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: DetailLogOptions, limits: DetailLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  write(line: Readonly<Record<string, unknown>>): void {
    const stream = this.#open();
    if (stream === null || stream.writableLength > this.#limits.waitingBytes) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) stream.write(this.#text({ dropped: `${this.#dropped} lines dropped` }));
    this.#dropped = 0;
    stream.write(this.#text(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const stream = this.#stream;
    this.#stream = null;
    if (stream === null || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      stream.once('close', () => resolve()).once('error', () => resolve());
      stream.end(() => resolve());
    });
  }

  #text(line: Readonly<Record<string, unknown>>): string {
    return `${JSON.stringify({ at: new Date(this.#options.now()).toISOString(), ...line })}\n`;
  }

  #open(): RotatingFileStream | null {
    if (this.#stream !== null) return this.#stream;
    const { directory, name, now } = this.#options;
    if (this.#closed || now() - this.#triedAt < restMs) return null;
    const { fileBytes, files } = this.#limits;
    const fileOf = (index: number | Date | null): string =>
      join(directory, index === null || index === 0 ? `${name}.log` : `${name}.${String(index)}.log`);
    const stream = createStream(fileOf, { size: `${fileBytes}B`, rotate: files - 1, mode: fileMode });
    const failed = (error: Error): void => {
      if (this.#stream !== stream) return;
      this.#stream = null;
      this.#triedAt = now();
      stream.destroy();
      this.#options.trouble(error);
    };
    stream.on('error', failed).on('warning', failed);
    this.#stream = stream;
    return stream;
  }
}
