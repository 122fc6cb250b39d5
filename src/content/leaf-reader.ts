import { createHash } from 'node:crypto';
import {
  type AttachmentStream,
  type HeaderLines,
  type Headers,
  MailParser,
  type MessageText,
  type StructuredHeader,
} from 'mailparser';

/** The top header block as mailparser read it. */
export interface Head {
  readonly headers: Headers;
  readonly lines: HeaderLines;
}

/** One leaf of the MIME tree, transfer encoding undone. */
export interface Leaf {
  /** Media type, lower case; `text/plain` where a part names none. */
  readonly type: string;
  readonly charset: string | null;
  readonly fileName: string | null;
  readonly size: number;
  /** SHA-256 of the decoded bytes (32 bytes). */
  readonly sha256: Buffer;
  /** The decoded bytes of `text/*` and `message/*` leaves; null for others, which are hashed as they pass. */
  readonly bytes: Buffer | null;
}

export interface LeafReading {
  /** Null when the header block itself was too much. */
  readonly head: Head | null;
  /** In the order of the message. */
  readonly leaves: readonly Leaf[];
  /** Why mailparser gave up, or null: the leaves are then those up to there. */
  readonly failure: Error | null;
}

/** Twice what the largest legal message in the wild needs (90 000 addresses in To), far below what can hurt. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;
/** mailparser refuses a legal message of 1 001 parts by default. */
const MAX_NODES = 5_000;

/**
 * Takes a message apart with mailparser, one leaf at a time. Attached messages are leaves (`ignoreEmbedded`).
 * Never rejects for what a message contains; memory is bounded by the text and message leaves.
 */
export function readLeaves(message: Uint8Array): Promise<LeafReading> {
  const parser = new LeafParser();
  const leaves: Promise<Leaf>[] = [];
  let head: Head | null = null;
  let headers: Headers | null = null;
  return new Promise((resolve, reject) => {
    parser.on('headers', (read: Headers) => {
      headers ??= read;
    });
    parser.on('headerLines', (lines: HeaderLines) => {
      if (headers !== null) head ??= { headers, lines };
    });
    parser.on('data', (part: AttachmentStream | MessageText) => {
      if (part.type === 'attachment') leaves.push(readLeaf(part));
      else if (part.text !== undefined || part.html !== undefined) reject(new Error('mailparser merged text leaves'));
    });
    parser.once('error', (failure: Error) => {
      // The leaf being read will never end.
      const finished = leaves.slice(0, -1);
      Promise.all(finished).then((read) => resolve({ head, leaves: read, failure }), reject);
    });
    parser.once('end', () => {
      Promise.all(leaves).then((read) => resolve({ head, leaves: read, failure: null }), reject);
    });
    parser.end(message);
  });
}

/**
 * mailparser joins all inline text parts into one text. With no text types every leaf comes as an "attachment": its
 * own headers, its own decoded bytes. `readLeaves` fails loudly should a later version change that.
 */
class LeafParser extends MailParser {
  textTypes: readonly string[];

  constructor() {
    super({
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
      ignoreEmbedded: true,
      checksumAlgo: false,
      maxHeadSize: MAX_HEAD_BYTES,
      maxChildNodes: MAX_NODES,
    });
    this.textTypes = [];
  }
}

function readLeaf(part: AttachmentStream): Promise<Leaf> {
  const type = String(part.contentType || 'text/plain').toLowerCase();
  const kept: Buffer[] | null = /^(?:text|message)\//.test(type) ? [] : null;
  const hash = createHash('sha256');
  let size = 0;
  return new Promise((resolve, reject) => {
    part.content.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      size += chunk.length;
      kept?.push(chunk);
    });
    part.content.once('error', reject);
    part.content.once('end', () => {
      part.release?.();
      const bytes = kept === null ? null : Buffer.concat(kept, size);
      const fileName = part.filename === undefined ? null : part.filename.normalize('NFC');
      resolve({ type, charset: charsetOf(part), fileName, size, sha256: hash.digest(), bytes });
    });
  });
}

function charsetOf(part: AttachmentStream): string | null {
  const value = part.headers.get('content-type');
  if (typeof value !== 'object' || !('params' in value)) return null;
  const { params } = value as StructuredHeader;
  const charset = params['charset']?.trim().toLowerCase();
  return charset === undefined || charset === '' ? null : charset;
}
