import { maskedCrc32c } from './crc32c.ts';

const blockBytes = 32_768;
const headBytes = 7;
/** Kinds of fragments: whole, first, middle, last. */
const [zero, full, first, middle, last] = [0, 1, 2, 3, 4];

export interface LogFile {
  readonly records: readonly Buffer[];
  /** What is wrong, or null. */
  readonly fault: string | null;
  /** The fault is that the end is missing. */
  readonly isCut: boolean;
}

/** Reads a log of LevelDB, as its WAL and its manifest are (doc/log_format.md of LevelDB). */
export function readLogFile(bytes: Buffer): LogFile {
  const records: Buffer[] = [];
  let pieces: Buffer[] = [];
  const wrong = (at: number, text: string, isCut = false): LogFile => ({ records, isCut, fault: `${text} at ${at}` });
  for (let at = 0; at < bytes.length; ) {
    const left = blockBytes - (at % blockBytes);
    if (left < headBytes) {
      if (bytes.subarray(at, at + left).some((byte) => byte !== 0)) return wrong(at, 'filler that is not empty');
      at += left;
      continue;
    }
    if (at + headBytes > bytes.length) return wrong(at, 'the end is missing', true);
    const length = bytes.readUInt16LE(at + 4);
    const kind = bytes[at + 6] ?? zero;
    const end = at + headBytes + length;
    if (length > left - headBytes) return wrong(at, 'a record that is longer than its block');
    if (end > bytes.length) return wrong(at, 'the end is missing', true);
    if (maskedCrc32c(bytes.subarray(at + 6, end)) !== bytes.readUInt32LE(at)) return wrong(at, 'a wrong checksum');
    const fits = pieces.length > 0 ? kind === middle || kind === last : kind === full || kind === first;
    if (!fits) return wrong(at, 'a record out of order');
    pieces.push(bytes.subarray(at + headBytes, end));
    if (kind === full || kind === last) {
      records.push(Buffer.concat(pieces));
      pieces = [];
    }
    at = end;
  }
  return pieces.length > 0 ? wrong(bytes.length, 'the end is missing', true) : { records, fault: null, isCut: false };
}
