const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\r\n.');
const HELD_DOT = Buffer.from('.');
const HELD_DOT_CR = Buffer.from('.\r');
/** A chunk with more stuffed dots than this is walked byte by byte: cheaper then than a search for each of them. */
const SEARCHES_PER_CHUNK = 64;

/** Where the reading stands: in a line, behind its CR, at its start, behind its first dot, behind dot and CR. */
const TEXT = 0;
const BEHIND_CR = 1;
const START = 2;
const BEHIND_DOT = 3;
const BEHIND_DOT_CR = 4;

/**
 * Finds the end of one message's DATA and takes the stuffing out (RFC 5321 section 4.5.2, interface section 6).
 *
 * A line ends with CRLF alone, so only CRLF `.` CRLF, or `.` CRLF at the very start, ends the message: nothing can be
 * smuggled behind a bare LF. One dot is taken from each line that begins with two; nothing else changes, and the CRLF
 * before the last dot belongs to the message. Any segmentation gives the same bytes.
 *
 * A chunk belongs to the scanner once given: content is handed on in place, moved together where dots were taken out.
 */
export class DataScanner {
  #state = START;

  /** Makes ready for the next message. */
  reset(): void {
    this.#state = START;
  }

  /**
   * Gives the content among the next bytes to `emit`: at most one held-back dot and one piece of the chunk.
   * Returns the index of the first byte behind the terminator, or -1 while the message goes on.
   */
  feed(chunk: Buffer, emit: (content: Buffer) => void): number {
    if (chunk.length === 0) return -1;
    if (this.#state === BEHIND_DOT || this.#state === BEHIND_DOT_CR) {
      const ended = this.#resume(chunk, emit);
      if (ended !== undefined) return ended;
    }
    const run = { read: 0, write: 0, end: -1 };
    if (this.#search(chunk, run)) this.#walk(chunk, run);
    if (run.write > 0) emit(run.write === chunk.length ? chunk : chunk.subarray(0, run.write));
    return run.end;
  }

  /** Decides about what the last chunk left open. Answers what `feed` shall, or undefined when the chunk has content. */
  #resume(chunk: Buffer, emit: (content: Buffer) => void): number | undefined {
    if (this.#state === BEHIND_DOT) {
      if (chunk[0] === CR) {
        if (chunk.length === 1) {
          this.#state = BEHIND_DOT_CR;
          return -1;
        }
        if (chunk[1] === LF) return 2;
      }
      if (chunk[0] !== DOT) emit(HELD_DOT);
    } else {
      if (chunk[0] === LF) return 1;
      emit(HELD_DOT_CR);
    }
    this.#state = TEXT;
    return undefined;
  }

  /** Goes from one dot at a line start to the next. True when there are too many of them: `walk` does the rest. */
  #search(chunk: Buffer, run: Run): boolean {
    const { length } = chunk;
    let dot = this.#firstDot(chunk);
    for (let searches = 0; dot >= 0; searches++) {
      const next = chunk[dot + 1];
      if (next === DOT) {
        move(chunk, run, dot);
        run.read = dot + 1;
      } else if (dot + 1 === length || (next === CR && dot + 2 === length)) {
        move(chunk, run, dot);
        this.#state = dot + 1 === length ? BEHIND_DOT : BEHIND_DOT_CR;
        return false;
      } else if (next === CR && chunk[dot + 2] === LF) {
        move(chunk, run, dot);
        run.end = dot + 3;
        return false;
      }
      if (searches >= SEARCHES_PER_CHUNK) {
        move(chunk, run, dot + 1);
        return true;
      }
      dot = lineDot(chunk, dot + 1);
    }
    const last = chunk[length - 1];
    const beforeLast = length > 1 ? chunk[length - 2] === CR : this.#state === BEHIND_CR;
    this.#state = last === CR ? BEHIND_CR : last === LF && beforeLast ? START : TEXT;
    move(chunk, run, length);
    return false;
  }

  /** The first dot at a line start, given where the last chunk ended. */
  #firstDot(chunk: Buffer): number {
    if (this.#state === START && chunk[0] === DOT) return 0;
    if (this.#state === BEHIND_CR && chunk[0] === LF && chunk[1] === DOT) return 1;
    return lineDot(chunk, 0);
  }

  /** The same rule byte by byte, from `run.read` on, which is behind the first byte of a line. */
  #walk(chunk: Buffer, run: Run): void {
    const { length } = chunk;
    let state = TEXT;
    let write = run.write;
    for (let read = run.read; read < length; read++) {
      const byte = chunk[read] as number;
      if (state === START && byte === DOT) {
        state = BEHIND_DOT;
        continue;
      }
      if (state === BEHIND_DOT) {
        if (byte === CR) {
          state = BEHIND_DOT_CR;
          continue;
        }
        if (byte !== DOT) chunk[write++] = DOT;
      } else if (state === BEHIND_DOT_CR) {
        if (byte === LF) {
          run.write = write;
          run.end = read + 1;
          return;
        }
        chunk[write++] = DOT;
        chunk[write++] = CR;
      }
      chunk[write++] = byte;
      state = byte === CR ? BEHIND_CR : byte === LF && state === BEHIND_CR ? START : TEXT;
    }
    run.write = write;
    this.#state = state;
  }
}

/** Content is what lies before `write`; from `read` on nothing has been moved yet. */
interface Run {
  read: number;
  write: number;
  end: number;
}

function move(chunk: Buffer, run: Run, end: number): void {
  if (run.write !== run.read) chunk.copyWithin(run.write, run.read, end);
  run.write += end - run.read;
  run.read = end;
}

function lineDot(chunk: Buffer, from: number): number {
  const at = chunk.indexOf(LINE_DOT, from);
  return at < 0 ? -1 : at + 2;
}
