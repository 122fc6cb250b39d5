import { createCipheriv, createDecipheriv, createHash, hash, randomBytes } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { KeyBlock } from './key-block.ts';
import {
  type EncodedRecord,
  hashBytes,
  hashedBytes,
  headerBytes,
  nonceBytes,
  plainVersion,
  type RecordHead,
  type Seal,
  sealBytes,
  sealedVersion,
  tagBytes,
} from './record.ts';

const gcm = 'aes-256-gcm';
const noTag = Buffer.alloc(tagBytes);

/**
 * Seals a record for its place (record.ts): facts under the key of its block, which outlives the payload, the payload
 * under a key of its own, both AES-256-GCM with the header and the record's hash bound to them. A record that is written
 * again after a crash has the same keys, so the nonce is drawn, not counted.
 *
 * Signed heads stay in clear: whoever has no key can still hold the chain to them, and nothing else is in them.
 */
export function sealRecord(encoded: EncodedRecord, keys: KeyBlock): EncodedRecord {
  const { record, payload } = encoded;
  if (record.kind === 'checkpoint') return encoded;
  let pieces = payload;
  const head = sealHead(encoded.head, keys.factsKey, ({ nonce, bound }) => {
    if (record.payloadLength === 0) return noTag;
    const sealed = sealPayload(payload, { key: keys.payloadKey(record.seq), nonce, bound });
    ({ pieces } = sealed);
    return sealed.tag;
  });
  return { record, head, payload: pieces, lengthBytes: encoded.lengthBytes + sealBytes };
}

/** A payload that stands elsewhere, or is none, has no tag here. */
const untagged = (): Buffer => noTag;

/** Seals the head of a record; `tagOf` seals its payload under the same nonce, and answers the tag. */
export function sealHead(
  plain: Buffer,
  factsKey: Buffer,
  tagOf: (parts: Pick<Seal, 'nonce' | 'bound'>) => Buffer = untagged,
): Buffer {
  const hashAt = plain.length - hashBytes;
  const head = Buffer.allocUnsafe(plain.length + sealBytes);
  plain.copy(head);
  head[4] = sealedVersion;
  const bound = Buffer.concat([head.subarray(0, headerBytes), head.subarray(hashAt, plain.length)]);
  const nonce = randomBytes(nonceBytes);
  const facts = createCipheriv(gcm, factsKey, nonce).setAAD(bound);
  head.set(facts.update(plain.subarray(headerBytes, hashAt)), headerBytes);
  facts.final();
  let at = plain.length;
  for (const part of [nonce, facts.getAuthTag(), tagOf({ nonce, bound })]) {
    head.set(part, at);
    at += part.length;
  }
  head.set(hash('sha256', head.subarray(0, at), 'buffer'), at);
  return head;
}

function sealPayload(
  payload: readonly Uint8Array[],
  { key, nonce, bound }: { readonly key: Buffer | string; readonly nonce: Buffer; readonly bound: Buffer },
): { readonly pieces: readonly Uint8Array[]; readonly tag: Buffer } {
  if (typeof key === 'string') throw new RangeError(`the key of a new record is ${key}`);
  const cipher = createCipheriv(gcm, key, nonce).setAAD(bound);
  const pieces = payload.map((piece) => cipher.update(piece));
  cipher.final();
  return { pieces, tag: cipher.getAuthTag() };
}

/** The head with its facts. @throws EngineFailure `damaged` */
export function openHead(head: RecordHead, { factsKey }: Pick<KeyBlock, 'factsKey'>): RecordHead {
  const { seal, record } = head;
  if (seal === null) return head;
  try {
    const facts = decipherOf(factsKey, seal, seal.factsTag);
    const text = Buffer.concat([facts.update(seal.facts), facts.final()]);
    if (hash('sha256', Buffer.concat([plainHeader(seal), text]), 'hex') !== record.hash)
      throw new Error('another hash');
    return { ...head, record: { ...record, facts: JSON.parse(text.toString('utf8')) as unknown } };
  } catch (error) {
    throw new EngineFailure('damaged', `record ${record.seq} cannot be decrypted`, { cause: error });
  }
}

/** All of a payload in clear. @throws EngineFailure `damaged` where it is not what was sealed */
export function openPayload(stored: Uint8Array, { record, seal }: RecordHead, payloadKey: Buffer): Buffer {
  if (seal === null) return Buffer.from(stored);
  try {
    const decipher = decipherOf(payloadKey, seal, seal.payloadTag);
    return Buffer.concat([decipher.update(stored), decipher.final()]);
  } catch (error) {
    throw new EngineFailure('damaged', `the payload of record ${record.seq} cannot be decrypted`, { cause: error });
  }
}

/** The bytes of a head that was opened, as they were before it was sealed. @throws RangeError as `hashedBytes` */
export const plainHeadOf = (head: RecordHead): Buffer =>
  Buffer.concat([hashedBytes(head), Buffer.from(head.record.hash, 'hex')]);

/** The header of the record in clear. */
function plainHeader({ bound }: Seal): Buffer {
  const header = Buffer.from(bound.subarray(0, headerBytes));
  header[4] = plainVersion;
  return header;
}

/** Checks a payload piece by piece, as it is stored. */
export interface PayloadCheck {
  update(piece: Uint8Array): void;
  /** True where all of it was what was written. */
  isRight(): boolean;
}

export function plainCheck({ record }: RecordHead): PayloadCheck {
  const found = createHash('sha256');
  return {
    update: (piece) => void found.update(piece),
    isRight: () => found.digest('hex') === record.payloadSha256,
  };
}

/** The tag says that it is what was sealed, the hash that it is what was received. */
export function sealedCheck({ record }: RecordHead, seal: Seal, payloadKey: Buffer): PayloadCheck {
  const decipher = decipherOf(payloadKey, seal, seal.payloadTag);
  const found = createHash('sha256');
  return {
    update: (piece) => void found.update(decipher.update(piece)),
    isRight: () => {
      try {
        decipher.final();
      } catch {
        return false;
      }
      return found.digest('hex') === record.payloadSha256;
    },
  };
}

/** Bytes of one block of AES, and of its counter. */
export const cipherBlock = 16;

/**
 * Decrypts bytes from anywhere in a payload; `offset` is a multiple of `cipherBlock`. The tag needs all of a payload: it is
 * the hash of what is read that says whether it is right. GCM counts its blocks from 2 on, behind the nonce.
 */
export function decryptAt(stored: Uint8Array, offset: number, seal: Seal, payloadKey: Buffer): Buffer {
  const counter = Buffer.alloc(cipherBlock);
  seal.nonce.copy(counter);
  counter.writeUInt32BE(2 + offset / cipherBlock, nonceBytes);
  return createDecipheriv('aes-256-ctr', payloadKey, counter).update(stored);
}

const decipherOf = (key: Buffer, { nonce, bound }: Seal, tag: Buffer) =>
  createDecipheriv(gcm, key, nonce, { authTagLength: tagBytes }).setAAD(bound).setAuthTag(tag);
