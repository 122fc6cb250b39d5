import { decodeText } from './charset.ts';
import { decodeQuotedPrintable } from './transfer-decoding.ts';

/**
 * Decodes the encoded words of a header value (RFC 2047, language tags of RFC 2231). Blanks between two words go;
 * neighbours in one charset are joined before decoding, since some mailers split a character between them.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text;
  const word = /=\?([^?\s*]{1,60})(?:\*[^?\s]{0,60})?\?([bq])\?([^?]*)\?=/gi;
  const decoded: string[] = [];
  let run: { charset: string; bytes: Buffer[] } | null = null;
  let last = 0;
  const closeRun = (): void => {
    if (run !== null) decoded.push(decodeText(Buffer.concat(run.bytes), run.charset));
    run = null;
  };
  for (let found = word.exec(text); found !== null; found = word.exec(text)) {
    const between = text.slice(last, found.index);
    const [, charset = '', encoding = '', content = ''] = found;
    const bytes = wordBytes(encoding, content);
    const open = run as { charset: string; bytes: Buffer[] } | null;
    const adjacent = open !== null && between.trim() === '';
    if (adjacent && open.charset === charset.toLowerCase() && !isComplete(open.bytes.at(-1))) open.bytes.push(bytes);
    else {
      closeRun();
      if (!adjacent) decoded.push(between);
      run = { charset: charset.toLowerCase(), bytes: [bytes] };
    }
    last = found.index + found[0].length;
  }
  closeRun();
  decoded.push(text.slice(last));
  return decoded.join('');
}

/** Back in ASCII by `ESC ( B`: such a word is whole, and a decoder takes two shifts in a row for an error. */
function isComplete(bytes: Buffer | undefined): boolean {
  return bytes?.subarray(-3).equals(Buffer.from([0x1b, 0x28, 0x42])) === true;
}

function wordBytes(encoding: string, content: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(content, 'base64');
  // A raw 8-bit character inside a word is wrong, but it must not vanish.
  return decodeQuotedPrintable(Buffer.from(content.replace(/_/g, ' '), 'utf8'));
}
