const HT = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const EQUALS = 61;

/**
 * RFC 2045 6.7, leniently: blanks before a line end go, then soft line breaks, then each `=` with two hex digits becomes
 * its byte. In this order, and for good: archived hashes are those of these bytes. Linear in place, whatever the bytes.
 */
export function decodeQuotedPrintable(bytes: Uint8Array): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes.length);
  const trimmed = trimLines(bytes, buffer);
  const joined = joinLines(buffer, trimmed);
  return buffer.subarray(0, readHex(buffer, joined));
}

/** Leaves out each run of blanks before a line end or the end; answers the length. */
function trimLines(bytes: Uint8Array, into: Buffer): number {
  let length = 0;
  /** Where the run of blanks at the end of `into` begins. */
  let blanks = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === LF || (byte === CR && bytes[at + 1] === LF)) length = blanks;
    into[length++] = byte;
    if (byte !== SP && byte !== HT) blanks = length;
  }
  return blanks;
}

/** Takes `=` before a line end out, with the line end. */
function joinLines(buffer: Buffer, end: number): number {
  let length = 0;
  for (let at = 0; at < end; at += 1) {
    const byte = buffer[at] ?? 0;
    if (byte === EQUALS) {
      const lineEnd = at + (buffer[at + 1] === CR ? 2 : 1);
      if (lineEnd < end && buffer[lineEnd] === LF) {
        at = lineEnd;
        continue;
      }
    }
    buffer[length++] = byte;
  }
  return length;
}

function readHex(buffer: Buffer, end: number): number {
  let length = 0;
  for (let at = 0; at < end; at += 1) {
    const byte = buffer[at] ?? 0;
    if (byte === EQUALS && at + 2 < end) {
      const high = hexValue(buffer[at + 1] ?? 0);
      const low = hexValue(buffer[at + 2] ?? 0);
      if (high >= 0 && low >= 0) {
        buffer[length++] = high * 16 + low;
        at += 2;
        continue;
      }
    }
    buffer[length++] = byte;
  }
  return length;
}

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const upper = byte & 0xdf;
  return upper >= 65 && upper <= 70 ? upper - 55 : -1;
}
