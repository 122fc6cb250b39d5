import { BodyReader } from './bytes.ts';
import { Pop3Failure } from './pop3-failure.ts';

/** RFC 2449 allows 512; servers with long texts exist. */
const MAX_STATUS_BYTES = 1024;

/** Receives what the server says, in order. What it throws ends the session. */
export interface Dialogue {
  /** One status line without its CRLF. True when a multi-line answer follows it. */
  status(line: string): boolean;
  /** Content of the multi-line answer, stuffing taken out. */
  content(bytes: Buffer): void;
  /** The multi-line answer is complete. */
  end(): void;
}

/**
 * Cuts the bytes of a POP3 server into status lines and multi-line answers, however they were split on the way
 * (house 6.5: node-pop3's own framing truncates, hangs and corrupts). Incremental; holds one status line at most.
 */
export class Framing {
  readonly #dialogue: Dialogue;
  readonly #body = new BodyReader();
  #inBody = false;
  #line: Buffer = Buffer.alloc(0);

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /** True when bytes were left over that make no complete line. */
  get midLine(): boolean {
    return this.#line.length > 0;
  }

  /** Takes the next bytes, which belong to it from now on. @throws Pop3Failure `protocol` past a bound */
  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#inBody ? this.#feedBody(chunk, at) : this.#feedLine(chunk, at);
  }

  #feedBody(chunk: Buffer, from: number): number {
    const end = this.#body.feed(chunk, from, (content) => this.#dialogue.content(content));
    if (end < 0) return chunk.length;
    this.#inBody = false;
    this.#dialogue.end();
    return end;
  }

  #feedLine(chunk: Buffer, from: number): number {
    const lineFeed = chunk.indexOf(0x0a, from);
    const end = lineFeed < 0 ? chunk.length : lineFeed + 1;
    if (this.#line.length + end - from > MAX_STATUS_BYTES) throw new Pop3Failure('protocol', 'status line too long');
    const piece = chunk.subarray(from, end);
    const line = this.#line.length === 0 ? piece : Buffer.concat([this.#line, piece]);
    if (lineFeed < 0) {
      this.#line = Buffer.from(line);
      return end;
    }
    this.#line = Buffer.alloc(0);
    this.#body.reset();
    this.#inBody = this.#dialogue.status(line.toString('latin1').replace(/\r?\n$/, ''));
    return end;
  }
}
