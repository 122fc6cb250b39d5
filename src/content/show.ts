import { simpleParser } from 'mailparser';
import { addresses, subjectOf } from './core-hash.ts';
import { type Head, type Leaf, readLeaves } from './leaf-reader.ts';
import { decodeText } from './leaf-text.ts';

/** What a person is shown of a message. Text only: markup never leaves here. */
export interface ShownMessage {
  readonly subject: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly cc: readonly string[];
  /** In their order, 500 at most. Values as sent, lines joined, 8 Ki characters at most. */
  readonly headers: readonly ShownHeader[];
  /** 1 Mi characters at most. */
  readonly text: string;
  /** True when there is more text than is shown, or it could not be read. */
  readonly truncated: boolean;
  /** In the order of the message, 1000 at most. Names as sent: never use one as a path. */
  readonly attachments: readonly ShownAttachment[];
}
export interface ShownHeader {
  readonly name: string;
  readonly value: string;
}
export interface ShownAttachment {
  readonly name: string | null;
  readonly type: string;
  readonly sizeBytes: number;
}

const MAX_TEXT = 1024 * 1024;
/** The conversion of HTML is worse than linear: 0.5 s for this much, 37 s for 1.4 MB (reliability F7). */
const MAX_HTML = 256 * 1024;
const MAX_ATTACHMENTS = 1000;
const MAX_HEADERS = 500;
const MAX_VALUE = 8 * 1024;

/** Reads a message for display: its plain text, else the text of its HTML. Never rejects for what it contains. */
export async function showMessage(message: Uint8Array): Promise<ShownMessage> {
  const { head, leaves, failure } = await readLeaves(message);
  const bodies = leaves.filter((leaf) => isBody(leaf, 'text/plain'));
  const pages = bodies.length > 0 ? [] : leaves.filter((leaf) => isBody(leaf, 'text/html'));
  const texts = [...bodies.map(textOf), ...(await Promise.all(pages.map(pageText)))];
  const text = texts.join('\n');
  const rest = leaves.filter((leaf) => !isBody(leaf, 'text/plain') && !isBody(leaf, 'text/html'));
  return {
    subject: head === null ? '' : subjectOf(head),
    from: head === null ? [] : addresses(head, 'from'),
    to: head === null ? [] : addresses(head, 'to'),
    cc: head === null ? [] : addresses(head, 'cc'),
    headers: head === null ? [] : headersOf(head),
    text: text.slice(0, MAX_TEXT),
    truncated: failure !== null || text.length > MAX_TEXT || pages.some(({ size }) => size > MAX_HTML),
    attachments: rest
      .slice(0, MAX_ATTACHMENTS)
      .map(({ fileName, type, size }) => ({ name: fileName, type, sizeBytes: size })),
  };
}

/** mailparser keeps header lines as one character for each byte; 8-bit ones are UTF-8 (RFC 6532). */
function headersOf({ lines }: Head): readonly ShownHeader[] {
  return lines.slice(0, MAX_HEADERS).map(({ line }) => {
    const text = Buffer.from(line.slice(0, MAX_VALUE * 4), 'latin1').toString('utf8');
    const colon = text.indexOf(':');
    const value = text
      .slice(colon + 1)
      .replace(/\s*\r?\n\s*/g, ' ')
      .trim();
    return { name: text.slice(0, Math.max(0, colon)), value: value.slice(0, MAX_VALUE) };
  });
}

const isBody = (leaf: Leaf, type: string): boolean => leaf.type === type && leaf.fileName === null;

const textOf = ({ bytes, charset }: Leaf): string =>
  decodeText(bytes ?? Buffer.of(), charset).text.replaceAll('\r\n', '\n');

async function pageText(leaf: Leaf): Promise<string> {
  const html = textOf(leaf).slice(0, MAX_HTML);
  const page = Buffer.concat([Buffer.from('Content-Type: text/html; charset=utf-8\r\n\r\n'), Buffer.from(html)]);
  const { text } = await simpleParser(page, { skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true });
  return text ?? '';
}
