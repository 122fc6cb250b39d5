const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\r\n.');
const HELD_CR = Buffer.from('\r');
/** A chunk with more dotted lines than this is walked byte by byte: cheaper then than a search for each of them. */
const SEARCHES_PER_CHUNK = 64;

/** Where the reading stands: in a line, behind its CR, at its start, behind its first dot, behind dot and CR. */
const TEXT = 0;
const BEHIND_CR = 1;
const START = 2;
const BEHIND_DOT = 3;
const BEHIND_DOT_CR = 4;

/**
 * Finds the end of a multi-line answer and takes the byte-stuffing out (RFC 1939 section 3): from each line that begins
 * with a dot one dot is taken; CRLF `.` CRLF, or `.` CRLF at the start, ends it. Only CRLF ends a line. The CRLF before
 * the last dot belongs to the content. Any segmentation gives the same bytes.
 */
export class BodyReader {
  #state = START;

  /** Makes ready for the next answer. */
  reset(): void {
    this.#state = START;
  }

  /**
   * Gives the content among `chunk` from `from` on to `emit`, moved together in place where dots were taken out: the
   * chunk belongs to the reader. Returns the index behind the terminator, or -1 while the answer goes on.
   */
  feed(chunk: Buffer, from: number, emit: (content: Buffer) => void): number {
    let state = this.#state;
    if (state === BEHIND_DOT_CR && from < chunk.length && chunk[from] !== LF) {
      emit(HELD_CR);
      state = BEHIND_CR;
    }
    let [read, write, searches] = [from, from, 0];
    while (read < chunk.length) {
      if (state === TEXT && searches < SEARCHES_PER_CHUNK) {
        searches++;
        const dot = chunk.indexOf(LINE_DOT, read);
        const end = dot < 0 ? chunk.length : dot + 2;
        state = dot < 0 ? stateAtEnd(chunk) : START;
        if (write !== read) chunk.copyWithin(write, read, end);
        write += end - read;
        read = end;
        continue;
      }
      const byte = chunk[read++] as number;
      if (state === START && byte === DOT) {
        state = BEHIND_DOT;
      } else if (state === BEHIND_DOT && byte === CR) {
        state = BEHIND_DOT_CR;
      } else if (state === BEHIND_DOT_CR && byte === LF) {
        this.#state = START;
        if (write > from) emit(chunk.subarray(from, write));
        return read;
      } else {
        // The dot was dropped in this chunk, so there is room for the CR that was held back.
        if (state === BEHIND_DOT_CR) chunk[write++] = CR;
        const behindCr = state === BEHIND_CR || state === BEHIND_DOT_CR;
        chunk[write++] = byte;
        state = byte === CR ? BEHIND_CR : byte === LF && behindCr ? START : TEXT;
      }
    }
    this.#state = state;
    if (write > from) emit(chunk.subarray(from, write));
    return -1;
  }
}

/** The state behind a chunk that was in the middle of a line and has no more lines that begin with a dot. */
function stateAtEnd(chunk: Buffer): number {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return BEHIND_CR;
  return chunk[last] === LF && chunk[last - 1] === CR ? START : TEXT;
}
