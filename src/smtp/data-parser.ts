import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import type { SMTPServerDataStream } from 'smtp-server';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { DataScanner } from './data-scanner.ts';

/** The release whose parser this file was written against: {@link DataParser} leans on its inner parts. */
const KNOWN_VERSION = '3.21.6';
const lineFeed = 10;

/** Takes the content of one message, in order. */
export interface DataSink {
  /** A promise asks the parser to read no further until it resolves. It must not reject. */
  takeData(content: Buffer): Promise<void> | undefined;
  /** The terminator has come. The parser stands still until its `continue` is called. */
  endData(): void;
}

/** True when the installed smtp-server is the one {@link DataParser} fits; else its own framing must serve. */
export function framingFits(): boolean {
  const { version } = createRequire(import.meta.url)('smtp-server/package.json') as { version: string };
  const { prototype } = SMTPStream;
  return version === KNOWN_VERSION && [prototype._write, prototype._feedDataStream].every((part) => part?.length > 1);
}

/**
 * The parser of smtp-server with our framing in DATA. Its own takes a dot away also behind a bare LF, looks at each
 * byte in turn, yields to the event loop for each dot, and makes a stream for each message (reliability 2.1).
 */
export class DataParser extends SMTPStream {
  readonly #scanner = new DataScanner();
  readonly #replies: () => Pick<Writable, 'cork' | 'uncork'>;
  readonly #emit = (content: Buffer): void => this.#take(content);
  #sink: DataSink | undefined;
  #wait: Promise<unknown> | undefined;
  /** The terminator was in a chunk that `write` took: what follows it is on its way to `_write`. */
  #ended = false;

  /** @param replies where the answers go now: STARTTLS changes it */
  constructor(replies: () => Pick<Writable, 'cork' | 'uncork'>) {
    super();
    this.#replies = replies;
  }

  /**
   * While a message comes in, chunks go past the queue that a Writable has: it costs several objects and a turn for each.
   * The last chunk goes through it, so that what follows waits for the answer as it always did.
   */
  override write(chunk: unknown, ...rest: never[]): boolean {
    const isNext = this._dataMode && this.#sink !== undefined && !this.isClosed && this.writableLength === 0;
    if (!isNext || !Buffer.isBuffer(chunk) || chunk.length === 0) return super.write(chunk, ...rest);
    const end = this.#scanner.feed(chunk, this.#emit);
    const wait = this.#wait;
    this.#wait = undefined;
    if (end >= 0) {
      this.#ended = true;
      return super.write(chunk.subarray(end), ...rest);
    }
    if (wait === undefined) return true;
    void wait.then(() => this.emit('drain'));
    return false;
  }

  override _write(
    chunk: Buffer,
    encoding: Parameters<SMTPStream['_write']>[1],
    done: (error?: Error | null) => void,
  ): void {
    if (this.#ended) {
      this.#ended = false;
      this.#end(chunk, done);
      return;
    }
    // A client that pipelines (RFC 2920) waits for the answers to all of its commands: they leave in one segment.
    const first = this._dataMode ? -1 : chunk.indexOf(lineFeed);
    const held = first >= 0 && first < chunk.length - 1 ? this.#replies() : undefined;
    held?.cork();
    try {
      super._write(chunk, encoding, done);
    } finally {
      held?.uncork();
    }
  }

  /** From the next byte on all input is one message, until the terminator. */
  beginData(sink: DataSink): void {
    this._dataMode = true;
    this.#scanner.reset();
    this.#sink = sink;
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const end = this.#scanner.feed(chunk, this.#emit);
    if (end >= 0) {
      this.#end(chunk.subarray(end), done);
      return;
    }
    const wait = this.#wait;
    this.#wait = undefined;
    if (wait === undefined) done();
    else wait.then(() => done(), done);
  }

  /** As the library's, but an answer given while the rest is being parsed is not forgotten. */
  override continue(): void {
    const next = this._continueCallback;
    this._continueCallback = typeof next !== 'function';
    if (typeof next === 'function') next();
  }

  /** The message is whole; `rest` is looked at after its answer. */
  #end(rest: Buffer, done: (error?: Error | null) => void): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#wait = undefined;
    this._dataMode = false;
    this._remainder = '';
    this._continueCallback = () => this._write(rest, 'buffer', done);
    sink?.endData();
  }

  #take(content: Buffer): void {
    const wait = this.#sink?.takeData(content);
    if (wait !== undefined) this.#wait = this.#wait === undefined ? wait : Promise.all([this.#wait, wait]);
  }
}

/** One message by the library's own framing, for a release that {@link DataParser} does not fit. */
export function readStock(parser: SMTPStream, sink: DataSink): SMTPServerDataStream {
  const stream = parser.startDataMode();
  stream.on('data', (content: Buffer) => {
    const wait = sink.takeData(content);
    if (wait === undefined) return;
    stream.pause();
    void wait.then(() => stream.resume());
  });
  stream.on('end', () => sink.endData());
  stream.on('error', () => undefined);
  return stream;
}
