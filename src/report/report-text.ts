import { decodeText } from './charset.ts';
import { parameterOf, transferEncodingOf } from './content-type.ts';
import { htmlToText } from './html-text.ts';
import type { Limit } from './limits.ts';
import type { Part } from './mime-parts.ts';
import { decodeTransfer, decodingOf } from './transfer-decoding.ts';

/** The envelope text of a report, decoded. */
export interface ReportText {
  readonly text: string;
  /** It was HTML. */
  readonly html: boolean;
  readonly limit: Extract<Limit, 'text'> | null;
}

/** Quoted-printable makes three bytes of one, so that much of the encoded form is looked at. */
const encodedBytesFor = (limitBytes: number): number => 3 * limitBytes + 64 * 1024;

/** The first `text/plain` leaf is the envelope text, and nothing else is; without one, the first `text/html` leaf. */
export function readReportText(leaves: readonly Part[], limitBytes: number): ReportText | null {
  const plain = leaves.find((leaf) => leaf.type.type === 'text/plain');
  const leaf = plain ?? leaves.find(({ type }) => type.type === 'text/html');
  if (leaf === undefined) return null;
  const html = plain === undefined;
  const tooLong: ReportText = { text: '', html, limit: 'text' };
  if (leaf.end - leaf.start > encodedBytesFor(limitBytes)) return tooLong;
  const body = leaf.block.bytes.subarray(leaf.start, leaf.end);
  const decoded = decodeTransfer(body, decodingOf(transferEncodingOf(leaf.block)));
  if (decoded.length > limitBytes) return tooLong;
  const text = decodeText(decoded, parameterOf(leaf.type, 'charset')).replace(/^\ufeff/, '');
  if (html) return { text: htmlToText(text), html, limit: null };
  return { text: isFlowed(leaf) ? unflow(text, deletesSpace(leaf)) : text, html, limit: null };
}

function isFlowed(leaf: Part): boolean {
  return parameterOf(leaf.type, 'format')?.toLowerCase() === 'flowed';
}

function deletesSpace(leaf: Part): boolean {
  return parameterOf(leaf.type, 'delsp')?.toLowerCase() === 'yes';
}

/** Joins the soft breaks of `format=flowed` and takes out space-stuffing (RFC 3676 4.1 to 4.4). */
function unflow(text: string, deleteSpace: boolean): string {
  const joined: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const bare = line.startsWith(' ') ? line.slice(1) : line;
    const soft = bare.endsWith(' ') && bare !== '-- ';
    joined.push(soft && deleteSpace ? bare.slice(0, -1) : bare, soft ? '' : '\n');
  }
  return joined.join('');
}
