import { decodeWords } from './encoded-words.ts';
import { findField, type HeaderBlock, rawFieldText } from './header-block.ts';

/** A Content-Type or Content-Disposition: its lower-case first word and the text its parameters are read from. */
export interface ContentType {
  readonly type: string;
  readonly text: string;
}

/** Parameters are looked for in so much of a value; more is an attack. */
const valueLimitBytes = 128 * 1024;
/** Pieces of one RFC 2231 parameter. */
const pieceLimit = 64;

/** The Content-Type of a block, or `fallback` where there is none (RFC 2045 5.2). */
export function contentTypeOf(block: HeaderBlock, fallback: string): ContentType {
  return readValue(block, 'content-type') ?? { type: fallback, text: '' };
}

/** Lower-case Content-Transfer-Encoding; '' where there is none. */
export function transferEncodingOf(block: HeaderBlock): string {
  return readValue(block, 'content-transfer-encoding')?.type ?? '';
}

/**
 * Lower-case file name of a part: `filename` of its disposition, else `name` of its type; '' where there is none. Encoded
 * words are read, which RFC 2047 forbids there and mailers write all the same.
 */
export function fileNameOf(block: HeaderBlock, type: ContentType): string {
  const disposition = readValue(block, 'content-disposition');
  const name = (disposition && parameterOf(disposition, 'filename')) ?? parameterOf(type, 'name') ?? '';
  return decodeWords(name).toLowerCase();
}

/** One parameter: quoted, bare, or in the pieces of RFC 2231 by their numbers (percent-decoded, charset dropped). Linear. */
export function parameterOf(value: ContentType, name: string): string | undefined {
  const { text } = value;
  const pieces: { readonly at: number; readonly text: string }[] = [];
  let at = text.indexOf(';');
  while (at !== -1 && at < text.length) {
    const equals = text.indexOf('=', at);
    if (equals === -1) break;
    const before = text.slice(at, equals);
    // A parameter without a value ends at its own semicolon, not at the equals sign of the next one.
    const key = before
      .slice(before.lastIndexOf(';') + 1)
      .trim()
      .toLowerCase();
    const [content, next] = readParameterValue(text, equals + 1);
    if (key === name) return content;
    if (key.startsWith(`${name}*`) && pieces.length < pieceLimit)
      pieces.push({ at: Number.parseInt(key.slice(name.length + 1), 10) || 0, text: pieceText(key, content) });
    at = next;
  }
  if (pieces.length === 0) return undefined;
  const inOrder = pieces.toSorted((one, other) => one.at - other.at);
  return inOrder.map((piece) => piece.text).join('');
}

function readValue(block: HeaderBlock, name: string): ContentType | undefined {
  const field = findField(block, name);
  if (field === undefined) return undefined;
  const text = rawFieldText(block, field, valueLimitBytes);
  const type = /^[^\s;(]+/.exec(text)?.[0] ?? '';
  return { type: type.toLowerCase(), text };
}

/** The value that begins at `start`, and where the search goes on. */
function readParameterValue(text: string, start: number): readonly [string, number] {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  if (text[at] !== '"') {
    const end = endOfBare(text, at);
    return [text.slice(at, end), end];
  }
  let close = at + 1;
  while (close < text.length && text[close] !== '"') close += text[close] === '\\' ? 2 : 1;
  return [text.slice(at + 1, close).replace(/\\(.)/g, '$1'), close + 1];
}

/** Encoded words that nobody put into quotes are parted by blanks, which end any other bare value. */
function endOfBare(text: string, start: number): number {
  if (text.startsWith('=?', start)) {
    const end = text.indexOf(';', start);
    return end === -1 ? text.length : end;
  }
  let at = start;
  while (at < text.length && text[at] !== ';' && text[at] !== ' ' && text[at] !== '\t') at += 1;
  return at;
}

/** `name*0*=utf-8''a%20b` and its relatives, read far enough to know the end of a file name. */
function pieceText(key: string, content: string): string {
  if (!key.endsWith('*')) return content;
  const bare = content.replace(/^[^']*'[^']*'/, '');
  return bare.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
