import type { Writable } from 'node:stream';
import { firstValueFrom, from, race, type SchedulerLike, timer } from 'rxjs';
import { type DetailFileOptions, endOf, openDetailFile, writeTo } from './detail-file.ts';

export interface DetailLogOptions extends Pick<DetailFileOptions, 'directory' | 'name'> {
  readonly clock: SchedulerLike;
  /** Told what is wrong with the file, once a minute at most. Mail has no part in it. */
  readonly trouble: (error: unknown) => void;
  readonly limits?: Partial<DetailLimits>;
  /** Opens what is written to; a rotating file where absent. */
  readonly open?: (file: DetailFileOptions) => Promise<Writable>;
}
/** All in bytes, but for the number of files and the time. */
export interface DetailLimits {
  /** No file becomes larger, but by a line that alone is larger than a piece (journaling a.2). */
  readonly fileBytes: number;
  /** The current file among them (journaling a.2). */
  readonly files: number;
  /** What waits for a slow disk; more is dropped. Some thousand lines: a second of a busy listener. */
  readonly waitingBytes: number;
  /** Lines that came while the disk was busy go to it together, this much at once: a write costs more than a line. */
  readonly pieceBytes: number;
  /** How long a close waits for a disk that does not answer. */
  readonly closeMs: number;
}
const detailLimits: DetailLimits = {
  fileBytes: 50 * 1024 * 1024,
  files: 10,
  waitingBytes: 1024 * 1024,
  pieceBytes: 64 * 1024,
  closeMs: 2_000,
};

/** After trouble the file is tried again, and spoken of again, not before this. */
const restMs = 60_000;

/**
 * The detailed log of one definition: JSON lines in a rotating file. `write` never waits and never throws: what the disk
 * cannot take is dropped and counted, and the next line that is kept says how much. Closing is bounded.
 */
export interface DetailLog extends AsyncDisposable {
  write(line: Readonly<Record<string, unknown>>): void;
}

/** Nothing is opened, nor made, before the first line. */
export function openDetailLog(options: DetailLogOptions): DetailLog {
  return new RotatingLog(options, { ...detailLimits, ...options.limits });
}

/** A text on its way to the file; `lines` is how many are lost with it. */
interface Waiting {
  readonly text: string;
  readonly bytes: number;
  readonly lines: number;
}

class RotatingLog implements DetailLog {
  readonly #options: DetailLogOptions;
  readonly #limits: DetailLimits;
  #file: Writable | null = null;
  /** The first of them are on their way to the disk. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #running: Promise<void> | null = null;
  #failedAt: number | null = null;
  /** The last write may have ended within a line. */
  #torn = false;
  #closing: Promise<void> | null = null;

  constructor(options: DetailLogOptions, limits: DetailLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  write(line: Readonly<Record<string, unknown>>): void {
    if (this.#closing !== null) return;
    if (this.#resting || this.#waitingBytes >= this.#limits.waitingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#tellDropped();
    this.#add(line, 1);
    this.#running ??= this.#run();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #resting(): boolean {
    if (this.#failedAt === null) return false;
    return Math.abs(this.#options.clock.now() - this.#failedAt) < restMs;
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    if (lines === 0) return;
    this.#dropped = 0;
    this.#add({ dropped: `${lines} lines dropped` }, lines);
  }

  #add(line: Readonly<Record<string, unknown>>, lines: number): void {
    const at = new Date(this.#options.clock.now()).toISOString();
    const text = `${JSON.stringify({ at, ...line })}\n`;
    const bytes = Buffer.byteLength(text);
    this.#waiting.push({ text, bytes, lines });
    this.#waitingBytes += bytes;
  }

  /** Writes piece by piece until nothing waits. Never rejects. */
  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const count = this.#pieceLength();
        const texts = this.#waiting.slice(0, count).map(({ text }) => text);
        const file = this.#file ?? (await this.#open());
        const lineEnd = this.#torn ? '\n' : '';
        this.#torn = true;
        await writeTo(file, lineEnd + texts.join(''));
        this.#torn = false;
        this.#failedAt = null;
        for (const { bytes } of this.#waiting.splice(0, count)) this.#waitingBytes -= bytes;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = null;
    }
  }

  /** How many of the waiting lines go out together; one at least. */
  #pieceLength(): number {
    let bytes = 0;
    const over = this.#waiting.findIndex((each) => {
      bytes += each.bytes;
      return bytes > this.#limits.pieceBytes;
    });
    return over < 0 ? this.#waiting.length : Math.max(over, 1);
  }

  async #open(): Promise<Writable> {
    const { directory, name, open = openDetailFile } = this.#options;
    const { fileBytes, files, pieceBytes } = this.#limits;
    // It is put aside after the piece that fills it.
    const file = await open({ directory, name, files, fileBytes: Math.max(fileBytes - pieceBytes, 1) });
    // What goes wrong is told by the write; an 'error' without a listener would end the process.
    file.on('error', () => undefined);
    file.once('close', () => {
      if (this.#file === file) this.#file = null;
    });
    this.#file = file;
    return file;
  }

  #fail(error: unknown): void {
    const file = this.#file;
    this.#file = null;
    file?.destroy();
    this.#failedAt = this.#options.clock.now();
    for (const { lines } of this.#waiting) this.#dropped += lines;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#options.trouble(error);
  }

  async #close(): Promise<void> {
    const late$ = timer(this.#limits.closeMs, this.#options.clock);
    await firstValueFrom(race(from(this.#finish()), late$));
  }

  async #finish(): Promise<void> {
    await this.#running;
    if (!this.#resting) {
      this.#tellDropped();
      await this.#run();
    }
    if (this.#file !== null) await endOf(this.#file);
  }
}
