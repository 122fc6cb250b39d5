/** How lines of a message that look like the start of another are kept apart. mboxrd can be undone, mboxo cannot. */
export type MboxQuoting = 'mboxrd' | 'mboxo';

/** One message of an mbox, byte for byte, its quoting undone. */
export interface MboxMessage {
  /** Where its From_ line begins, and where it ends with its empty line. */
  readonly at: number;
  readonly end: number;
  /** Null where it has more than the limit. */
  readonly bytes: Buffer | null;
}
export interface MboxOptions {
  readonly quoting: MboxQuoting;
  readonly limitBytes: number;
}

/** The file is no mbox: it does not begin with a From_ line. */
export class NoMbox extends Error {}

const [lineFeed, carriageReturn, angle] = [0x0a, 0x0d, 0x3e];
const fromLine = Buffer.from('From ');

/**
 * Cuts an mbox at each From_ line behind an empty line; a CR before the LF of an empty line is part of it. Holds one
 * message, and no more of it than the limit.
 * @throws NoMbox
 */
export async function* splitMbox(
  chunks: AsyncIterable<Buffer>,
  options: MboxOptions,
): AsyncGenerator<MboxMessage, void> {
  const splitter = new Splitter(options);
  for await (const chunk of chunks) yield* splitter.take(chunk);
  yield* splitter.end();
}

class Splitter {
  readonly #options: MboxOptions;
  /** The line that goes on in the next chunk. */
  #line: Buffer[] = [];
  #lineBytes = 0;
  #offset = 0;
  #message: Collected | undefined;

  constructor(options: MboxOptions) {
    this.#options = options;
  }

  *take(chunk: Buffer): Generator<MboxMessage, void> {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const line = chunk.subarray(from, end + 1);
      from = end + 1;
      if (this.#lineBytes === 0) yield* this.#takeLine(line);
      else {
        this.#keep(line);
        yield* this.#takeLine(this.#wholeLine());
      }
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  *end(): Generator<MboxMessage, void> {
    if (this.#lineBytes > 0) yield* this.#takeLine(this.#wholeLine());
    if (this.#message !== undefined) yield this.#message.end(this.#offset);
  }

  #keep(piece: Buffer): void {
    // Beyond the limit its beginning says what it is, and the rest is only counted.
    if (this.#lineBytes <= this.#options.limitBytes) this.#line.push(piece);
    this.#lineBytes += piece.length;
  }

  #wholeLine(): Buffer {
    const line = Buffer.concat(this.#line);
    this.#offset += this.#lineBytes - line.length;
    if (line.length < this.#lineBytes && this.#message !== undefined) this.#message.tooLarge = true;
    [this.#line, this.#lineBytes] = [[], 0];
    return line;
  }

  *#takeLine(line: Buffer): Generator<MboxMessage, void> {
    const at = this.#offset;
    this.#offset += line.length;
    if (startsFrom(line, 0) && this.#message?.emptyLine !== 0) {
      if (this.#message !== undefined) yield this.#message.end(at);
      this.#message = new Collected(at, this.#options.limitBytes);
      return;
    }
    if (this.#message === undefined) throw new NoMbox('it does not begin with a From_ line');
    this.#message.add(unquoted(line, this.#options.quoting));
  }
}

/** A message under way. */
class Collected {
  readonly #at: number;
  readonly #limitBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  tooLarge = false;
  /** Bytes of the line that came last, where it is empty: between it and a From_ line nothing else may stand. */
  emptyLine = 0;

  constructor(at: number, limitBytes: number) {
    this.#at = at;
    this.#limitBytes = limitBytes;
  }

  add(line: Buffer): void {
    const isEmpty = line[0] === lineFeed || (line.length === 2 && line[0] === carriageReturn && line[1] === lineFeed);
    this.emptyLine = isEmpty ? line.length : 0;
    this.#bytes += line.length;
    if (this.#bytes > this.#limitBytes + 2) this.tooLarge = true;
    if (this.tooLarge) this.#pieces = [];
    else this.#append(line);
  }

  end(end: number): MboxMessage {
    const size = this.#bytes - this.emptyLine;
    const isTooLarge = this.tooLarge || size > this.#limitBytes;
    return { at: this.#at, end, bytes: isTooLarge ? null : Buffer.concat(this.#pieces, size) };
  }

  /** Lines that stand one behind the other in memory are one piece. */
  #append(line: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.buffer === line.buffer && last.byteOffset + last.length === line.byteOffset) {
      const joined = Buffer.from(last.buffer, last.byteOffset, last.length + line.length);
      this.#pieces[this.#pieces.length - 1] = joined;
      return;
    }
    this.#pieces.push(line);
  }
}

const startsFrom = (bytes: Buffer, at: number): boolean =>
  bytes.length >= at + fromLine.length && bytes.compare(fromLine, 0, fromLine.length, at, at + fromLine.length) === 0;

/** mboxrd takes one `>` from every line of `>`s and `From `; mboxo from those with one. */
function unquoted(line: Buffer, quoting: MboxQuoting): Buffer {
  if (line[0] !== angle) return line;
  let angles = 1;
  while (line[angles] === angle) angles += 1;
  if (!startsFrom(line, angles) || (quoting === 'mboxo' && angles > 1)) return line;
  return line.subarray(1);
}

/** What of a message goes into an mbox: its bytes with one `>` more before each line of `>`s and `From `, an end of line where it has none, and an empty line. */
export function quotedForMbox(bytes: Uint8Array): readonly Uint8Array[] {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let found = message.indexOf(fromLine); found >= 0; found = message.indexOf(fromLine, found + 1)) {
    let start = found;
    while (start > 0 && message[start - 1] === angle) start -= 1;
    if (start > 0 && message[start - 1] !== lineFeed) continue;
    pieces.push(message.subarray(from, start), mark);
    from = start;
  }
  pieces.push(message.subarray(from));
  const hasEnd = message.length === 0 || message.at(-1) === lineFeed;
  pieces.push(hasEnd ? oneEnd : twoEnds);
  return pieces;
}
const mark = Buffer.from('>');
const oneEnd = Buffer.from('\n');
const twoEnds = Buffer.from('\n\n');

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The From_ line (RFC 4155, appendix A); `at` in epoch milliseconds. A sender that would break it is left out. */
export function fromLineOf(sender: string | null, at: number): string {
  const safe = sender !== null && /^[\x21-\x7e]{1,320}$/.test(sender) ? sender : 'MAILER-DAEMON';
  const date = new Date(at);
  const day = `${weekdays[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
  return `From ${safe} ${day} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()}\n`;
}
