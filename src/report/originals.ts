import type { Decoding, HeaderFacts } from '../../streams/message.ts';
import { contentTypeOf, fileNameOf, transferEncodingOf } from './content-type.ts';
import { fieldText, findField, type HeaderBlock, messageStart, readHeaderBlock } from './header-block.ts';
import { readHeaderFacts, readSubject } from './header-facts.ts';
import { reportLimits } from './limits.ts';
import { type Part, walkParts } from './mime-parts.ts';
import { decodeTransfer, decodingOf, isIdentityEncoding } from './transfer-decoding.ts';

/** An attached message as it stands in the received bytes: the range [start, end) under `decoding`. */
export interface AttachedMessage {
  readonly start: number;
  readonly end: number;
  readonly decoding: Decoding;
  /** Its own top header block; in the decoded beginning where the bytes are encoded. */
  readonly block: HeaderBlock;
  readonly facts: HeaderFacts;
  /** Decoded, with whatever it holds, line breaks too. */
  readonly subject: string | null;
  /** Rights-protected (journaling b.6). */
  readonly protected: boolean;
}

/** The attached messages of one report. */
export interface Originals {
  readonly found: readonly AttachedMessage[];
  /** There is one that nobody can decode. */
  readonly undecodable: boolean;
  /** `encoded-rfc822`, `mislabelled-original`. */
  readonly flags: readonly string[];
}

/** Enough of an encoded message to hold its header block. */
const encodedPrefixBytes = 256 * 1024;

/** The originals among the leaves of a report, in order of appearance (journaling b.2, b.6). */
export function findOriginals(leaves: readonly Part[]): Originals {
  const labelled = leaves.filter(isMessage).filter(hasBytes);
  if (labelled.length === 0) return findMislabelled(leaves);
  const found: AttachedMessage[] = [];
  for (const leaf of labelled) {
    const message = openMessage(leaf);
    if (message !== null) found.push(message);
  }
  const flags = found.some(({ decoding }) => decoding !== 'identity') ? ['encoded-rfc822'] : [];
  return { found, undecodable: found.length < labelled.length, flags };
}

/** `message/rfc822` or its internationalised form, whatever its disposition. */
export function isMessage(leaf: Part): boolean {
  return leaf.type.type === 'message/rfc822' || leaf.type.type === 'message/global';
}

/** A scanner took the label, not the message: an `.eml` file or octets that read as a message (b.6). */
function findMislabelled(leaves: readonly Part[]): Originals {
  for (const leaf of leaves) {
    const named = leaf.type.type === 'application/octet-stream' || fileNameOf(leaf.block, leaf.type).endsWith('.eml');
    const message = named && hasBytes(leaf) ? openMessage(leaf) : null;
    if (message === null || (message.facts.from === null && message.facts.messageId === null)) continue;
    return { found: [message], undecodable: false, flags: ['mislabelled-original'] };
  }
  return { found: [], undecodable: false, flags: [] };
}

/** A part of nothing but line ends holds no message. */
function hasBytes(leaf: Part): boolean {
  const { bytes } = leaf.block;
  for (let at = leaf.start; at < leaf.end; at += 1) {
    const byte = bytes[at];
    if (byte !== 13 && byte !== 10) return true;
  }
  return false;
}

/** Where an attached message begins: its top header block, in the decoded beginning where the bytes are encoded. */
export interface Beginning {
  readonly decoding: Decoding;
  readonly block: HeaderBlock;
  /** Where the message ends in the bytes of `block`, as far as they are decoded. */
  readonly end: number;
}

/** Null when the part is under an encoding that does not yield a message. */
export function openBeginning(leaf: Part): Beginning | null {
  const { start, end } = leaf;
  const { bytes } = leaf.block;
  const encoding = transferEncodingOf(leaf.block);
  const decoding = decodingOf(encoding);
  if (decoding !== 'identity') {
    const decoded = decodeTransfer(bytes.subarray(start, Math.min(end, start + encodedPrefixBytes)), decoding);
    const block = readTopBlock(decoded, 0, decoded.length);
    if (block.fields.length > 0) return { decoding, block, end: decoded.length };
  }
  // Some relays write the encoding into the header and leave the bytes alone.
  const block = readTopBlock(bytes.subarray(0, end), start, end);
  const isThere = block.fields.length > 0 || isIdentityEncoding(encoding);
  return isThere ? { decoding: 'identity', block, end } : null;
}

/** The header block of the message in the range [start, end). */
export function readTopBlock(bytes: Buffer, start: number, end: number): HeaderBlock {
  return readHeaderBlock(bytes, messageStart(bytes, start, end), end);
}

function openMessage(leaf: Part): AttachedMessage | null {
  const beginning = openBeginning(leaf);
  if (beginning === null) return null;
  const { block, decoding } = beginning;
  const subject = readSubject(block);
  const facts = readHeaderFacts(block, subject);
  const { start, end } = leaf;
  return { start, end, decoding, block, subject, facts, protected: isProtected(block, beginning.end) };
}

/** By its Content-Class, or by a leaf that is the protected payload (journaling b.6). */
export function isProtected(block: HeaderBlock, end: number): boolean {
  const contentClass = findField(block, 'content-class');
  if (contentClass !== undefined && fieldText(block, contentClass).toLowerCase() === 'rpmsg.message') return true;
  const own = contentTypeOf(block, 'text/plain');
  if (own.type === 'text/plain') return false;
  return walkParts(block, end, reportLimits, own).leaves.some((leaf) => {
    const { type } = leaf.type;
    if (type === 'application/x-microsoft-rpmsg-message') return true;
    return !type.startsWith('text/') && fileNameOf(leaf.block, leaf.type) === 'message.rpmsg';
  });
}
