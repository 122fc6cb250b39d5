/** Bytes of a text leaf as text. */
export interface LeafText {
  readonly text: string;
  /** False when the bytes are not valid in their charset, or the charset is not known: each byte is then one character. */
  readonly exact: boolean;
}

/** Decodes by the charset label as browsers know it (WHATWG Encoding); UTF-8 where there is none. Never throws. */
export function decodeText(bytes: Uint8Array, charset: string | null): LeafText {
  try {
    return { text: new TextDecoder(charset ?? 'utf-8', { fatal: true }).decode(bytes), exact: true };
  } catch {
    return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'), exact: false };
  }
}

/**
 * What stays the same when a relay encodes a text anew (journaling c.3): Unicode NFC, LF line ends, no blanks at the
 * end of a line, no blank lines at the end. Linear in the length.
 */
export function canonicalText(text: string): string {
  const lines = text.normalize('NFC').split(/\r\n|\n|\r/);
  const kept = lines.map((line) => line.slice(0, endOfLine(line)));
  let last = kept.length;
  while (last > 0 && kept[last - 1] === '') last--;
  return kept.slice(0, last).join('\n');
}

/** Index behind the last character that is no blank. A regular expression for it is quadratic in runs of blanks. */
function endOfLine(line: string): number {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  return end;
}
