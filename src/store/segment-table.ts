import { createHash } from 'node:crypto';

/** Bytes of one row: offset 6, state 2, head length 4, payload length 4. */
const rowBytes = 16;
/** Magic 8, first seq 8, rows 8, where the table begins 8, hash of the last record 32, SHA-256 of all of the footer before 32. */
export const trailerBytes = 96;
/** Rows of a segment, at most: 1 MB of table. */
export const maxRows = 65_536;

const magic = 'DYBKSEAL';
const states = ['whole', 'hole', 'dropped'] as const;

/** Where a record lies in its segment. `hole`: damaged so far that its frame is not known. `dropped`: without its payload. */
export interface Row {
  readonly offset: number;
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly state: (typeof states)[number];
}

/** Sequence number -> place, of one segment; in memory in the same bytes as in the footer. */
export class SegmentTable {
  readonly firstSeq: number;
  #bytes: Buffer;
  #rows: number;

  constructor(firstSeq: number, bytes: Buffer = Buffer.alloc(0)) {
    this.firstSeq = firstSeq;
    this.#bytes = bytes;
    this.#rows = bytes.length / rowBytes;
  }

  get rows(): number {
    return this.#rows;
  }

  get nextSeq(): number {
    return this.firstSeq + this.#rows;
  }

  push(row: Row): void {
    const at = this.#rows * rowBytes;
    if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], Math.max(64 * rowBytes, at * 2));
    this.#rows += 1;
    this.#write(at, row);
  }

  row(seq: number): Row | undefined {
    const at = (seq - this.firstSeq) * rowBytes;
    if (at < 0 || at >= this.#rows * rowBytes) return undefined;
    return {
      offset: this.#bytes.readUIntBE(at, 6),
      state: states[this.#bytes.readUInt16BE(at + 6)] ?? 'hole',
      headBytes: this.#bytes.readUInt32BE(at + 8),
      payloadBytes: this.#bytes.readUInt32BE(at + 12),
    };
  }

  /** Rows from this record on, in order. */
  *rowsFrom(from: number): Generator<{ readonly seq: number; readonly row: Row }> {
    for (let seq = Math.max(from, this.firstSeq); seq < this.nextSeq; seq += 1) {
      const row = this.row(seq);
      if (row !== undefined) yield { seq, row };
    }
  }

  /** The footer: table and trailer, for a segment whose records end at `tableOffset`. */
  footer(tableOffset: number, lastHash: string): Buffer {
    const tableBytes = this.#rows * rowBytes;
    const footer = Buffer.alloc(tableBytes + trailerBytes);
    this.#bytes.copy(footer, 0, 0, tableBytes);
    footer.write(magic, tableBytes, 'latin1');
    footer.writeUIntBE(this.firstSeq, tableBytes + 10, 6);
    footer.writeUIntBE(this.#rows, tableBytes + 18, 6);
    footer.writeUIntBE(tableOffset, tableBytes + 26, 6);
    footer.write(lastHash, tableBytes + 32, 'hex');
    footer.set(digest(footer.subarray(0, -32)), tableBytes + 64);
    return footer;
  }

  #write(at: number, { offset, state, headBytes, payloadBytes }: Row): void {
    this.#bytes.writeUIntBE(offset, at, 6);
    this.#bytes.writeUInt16BE(states.indexOf(state), at + 6);
    this.#bytes.writeUInt32BE(headBytes, at + 8);
    this.#bytes.writeUInt32BE(payloadBytes, at + 12);
  }
}

/** The trailer of a sealed segment, not verified; null where these bytes are none. */
export function readTrailer(trailer: Buffer, fileBytes: number): { tableOffset: number; lastHash: string } | null {
  if (trailer.length !== trailerBytes || trailer.toString('latin1', 0, 8) !== magic) return null;
  const rows = trailer.readUIntBE(18, 6);
  const tableOffset = trailer.readUIntBE(26, 6);
  if (tableOffset + rows * rowBytes + trailerBytes !== fileBytes) return null;
  return { tableOffset, lastHash: trailer.toString('hex', 32, 64) };
}

/** The table of a footer (all bytes from `tableOffset` to the end of the file); null where it is damaged. */
export function readFooter(footer: Buffer, firstSeq: number): SegmentTable | null {
  const tableBytes = footer.length - trailerBytes;
  if (tableBytes < 0 || footer.readUIntBE(tableBytes + 10, 6) !== firstSeq) return null;
  if (!digest(footer.subarray(0, -32)).equals(footer.subarray(-32))) return null;
  return new SegmentTable(firstSeq, footer.subarray(0, tableBytes));
}

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
