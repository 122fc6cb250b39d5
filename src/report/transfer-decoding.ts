import type { Decoding } from '../../streams/message.ts';

/** The decoding that a Content-Transfer-Encoding asks for; every unknown word means bytes as they are. */
export function decodingOf(encoding: string): Decoding {
  return encoding === 'base64' || encoding === 'quoted-printable' ? encoding : 'identity';
}

/** The words that promise bytes as they are (RFC 2045 6.2); '' stands for a missing field. */
export function isIdentityEncoding(encoding: string): boolean {
  return ['', '7bit', '8bit', 'binary'].includes(encoding);
}

/** Decodes a part; lenient, so that damage shows in the text and never as an exception. */
export function decodeTransfer(bytes: Buffer, decoding: Decoding): Buffer {
  if (decoding === 'base64') return Buffer.from(bytes.toString('latin1'), 'base64');
  if (decoding === 'quoted-printable') return decodeQuotedPrintable(bytes);
  return bytes;
}

const LF = 10;
const CR = 13;
const EQUALS = 61;

/** RFC 2045 6.7; an equals sign that starts nothing stays. Q words use it too, with their underscores replaced before. */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte !== EQUALS) {
      decoded[length++] = byte;
      continue;
    }
    const high = hexValue(bytes[at + 1]);
    const low = hexValue(bytes[at + 2]);
    if (high >= 0 && low >= 0) {
      decoded[length++] = high * 16 + low;
      at += 2;
      continue;
    }
    const lineEnd = softBreakEnd(bytes, at + 1);
    if (lineEnd === -1) decoded[length++] = byte;
    else at = lineEnd - 1;
  }
  return decoded.subarray(0, length);
}

/** After `=`, blanks and a line end: where the next line begins; -1 when this is no soft break. */
function softBreakEnd(bytes: Buffer, start: number): number {
  let at = start;
  // A line of mail is short; without this bound many `=` before many blanks would cost the square of their number.
  while (at - start < 80 && (bytes[at] === 32 || bytes[at] === 9)) at += 1;
  if (at >= bytes.length || bytes[at] === LF) return at + 1;
  return bytes[at] === CR ? at + (bytes[at + 1] === LF ? 2 : 1) : -1;
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const upper = byte & 0xdf;
  return upper >= 65 && upper <= 70 ? upper - 55 : -1;
}
