import { createHash } from 'node:crypto';
import { coreHash } from './core-hash.ts';
import { type Leaf, readLeaves } from './leaf-reader.ts';
import { canonicalText, decodeText } from './leaf-text.ts';

/** Attached messages deeper than this count as plain bytes: each level reads the ones below it again. */
const MAX_DEPTH = 8;

/**
 * Content hash of a message (journaling c.3), lower-case hex: SHA-256 of core hash and leaf digests in order.
 *
 * The same for every copy that differs in Received, Return-Path, X-*, DKIM, ARC and Authentication-Results fields,
 * the two BCC fields of Exchange, boundaries, transfer encoding, line ends, or the charset of a text. An attached
 * message counts by its own content hash, since relays encode inside it too. Deterministic for any bytes: what
 * mailparser cannot take apart counts by its raw bytes.
 */
export async function hashContent(message: Uint8Array): Promise<string> {
  return (await contentDigest(message, 0)).toString('hex');
}

async function contentDigest(message: Uint8Array, depth: number): Promise<Buffer> {
  const { head, leaves, failure } = await readLeaves(message);
  if (head === null) return digest('opaque', message);
  const core = coreHash(head);
  // No leaf at all: a multipart whose boundary never comes. Its body must count nevertheless.
  if (failure !== null || leaves.length === 0) return digest('opaque', core, bodyOf(message));
  const all = createHash('sha256').update(core);
  for (const leaf of leaves) all.update(await leafDigest(leaf, depth));
  return all.digest();
}

async function leafDigest(leaf: Leaf, depth: number): Promise<Buffer> {
  const content = await decodedDigest(leaf, depth);
  const facts = createHash('sha256').update(JSON.stringify([leaf.type, leaf.fileName]));
  return facts.update(content).digest();
}

async function decodedDigest({ type, charset, bytes, sha256 }: Leaf, depth: number): Promise<Buffer> {
  if (bytes === null) return sha256;
  if (type === 'message/rfc822' && depth < MAX_DEPTH) return contentDigest(bytes, depth + 1);
  if (!type.startsWith('text/')) return sha256;
  const { text, exact } = decodeText(bytes, charset);
  const canonical = canonicalText(text);
  return exact ? digest(canonical) : digest('bytes', charset ?? '', '\0', canonical);
}

/** Behind the first empty line; all of it when there is none. */
function bodyOf(message: Uint8Array): Uint8Array {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const ends = ['\r\n\r\n', '\n\n'].map((gap) => ({ at: bytes.indexOf(gap), length: gap.length }));
  const [first] = ends.filter(({ at }) => at >= 0).toSorted((one, other) => one.at - other.at);
  return first === undefined ? bytes : bytes.subarray(first.at + first.length);
}

function digest(...pieces: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}
