/** A line is longer than its reader allows. */
export class LineTooLong extends Error {}

/** The longest line of a manifest: 20,000 recipients of common length, five times over. */
export const manifestLineBytes = 8 * 1024 * 1024;

const lineFeed = 0x0a;

/**
 * The lines of a text of bytes, without their LF; the last may have none. A line ends with LF alone: what else ends one for
 * a person (CR, U+2028) may stand in a line of JSON.
 * @throws LineTooLong
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      parts.push(chunk.subarray(from, end));
      yield { text: Buffer.concat(parts).toString('utf8'), isWhole: true };
      [parts, bytes, from] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(from));
    bytes += chunk.length - from;
    if (bytes > maxBytes) throw new LineTooLong(`a line has more than ${maxBytes} bytes`);
  }
  if (bytes > 0) yield { text: Buffer.concat(parts).toString('utf8'), isWhole: false };
}
