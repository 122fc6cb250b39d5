import { isAscii, isUtf8 } from 'node:buffer';

/** Bytes to text: the declared charset, else UTF-8, else ISO-8859-1 (journaling b.2). Never fails. */
export function decodeText(bytes: Buffer, charset: string | undefined): string {
  const label = (charset ?? '').trim().toLowerCase();
  if (!/^(?:utf-?(?:7|16|32)|iso-2022|hz|unicode|ucs)/.test(label) && isAscii(bytes)) return bytes.toString('latin1');
  if (!['', 'us-ascii', 'ascii', 'utf-8', 'utf8'].includes(label)) {
    const text = decodeStrictly(bytes, label);
    if (text !== null) return text;
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
}

/** Null for a charset that is unknown here, or bytes that are not in it. */
function decodeStrictly(bytes: Buffer, label: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
