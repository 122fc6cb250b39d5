import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { derivedKey } from '../store/derived-key.ts';
import { createIndexSeal } from '../store/index-seal.ts';
import { firstOfBlock } from '../store/key-block.ts';
import { nonceBytes, type RecordHead, sealBytes, tagBytes } from '../store/record.ts';
import { openHead, sealHead } from '../store/sealed-record.ts';

const saltBytes = 16;
/** A sealed tail is so much longer: what stands before it. */
export const sealedTailBytes = saltBytes + tagBytes;
/** Each of the keys below encrypts one thing once. */
const noNonce = Buffer.alloc(nonceBytes);
const noCounter = Buffer.alloc(16);

/** A payload as it is stored (shared-records.ts parts it). */
export interface StoredPayload {
  readonly body: readonly Uint8Array[];
  readonly tail: Buffer;
}

/** A payload in clear; `sha256` of all of it. */
export interface PlainPayload extends StoredPayload {
  readonly sha256: Uint8Array;
}

/**
 * Encrypts the records of a cluster, all under the one key of their log (D-134):
 *
 *     head = as of a sealed record in files (record.ts), its facts under a key for 4,096 records; no tag of the payload
 *     tail = salt 16, tag 16, ciphertext          AES-256-GCM, the SHA-256 of the payload bound to it
 *     body = ciphertext                           AES-256-CTR, read from anywhere; whoever reads it knows its SHA-256
 *
 * Both keys of a payload come from its salt, which stands in the row alone and is deleted with it: bodies in the bucket are
 * unreadable from then on, whoever has them, and however long a lock keeps them there.
 */
export class LogSeal {
  /** Which key it is, for the database: it gives nothing of it away, and stays through all master keys. */
  readonly id: string;
  readonly #key: Buffer;
  readonly #documents: ReturnType<typeof createIndexSeal>;
  #block: { readonly first: number; readonly factsKey: Buffer } = { first: 0, factsKey: noNonce };

  constructor(key: Buffer) {
    this.id = derivedKey(key, 'daybook cluster key id v1').toString('hex', 0, 8);
    this.#key = key;
    this.#documents = createIndexSeal(derivedKey(key, 'daybook cluster documents v1'));
  }

  payload({ body, tail, sha256 }: PlainPayload): StoredPayload {
    const salt = randomBytes(saltBytes);
    const ofTail = createCipheriv('aes-256-gcm', this.#tailKey(salt), noNonce).setAAD(sha256);
    const text = ofTail.update(tail);
    ofTail.final();
    const ofBody = createCipheriv('aes-256-ctr', this.#bodyKey(salt), noCounter);
    return { body: body.map((piece) => ofBody.update(piece)), tail: Buffer.concat([salt, ofTail.getAuthTag(), text]) };
  }

  /** The head of record `seq`. */
  head(plain: Buffer, seq: number): Buffer {
    return sealHead(plain, this.#factsKey(seq));
  }

  /** In clear. @throws EngineFailure `damaged` */
  openHead(head: RecordHead): RecordHead {
    if (head.seal === null) return head;
    const opened = openHead(head, { factsKey: this.#factsKey(head.record.seq) });
    return { ...opened, seal: null, headBytes: head.headBytes - sealBytes };
  }

  /** Null where it is not what was stored with this payload. */
  openTail(stored: Buffer, sha256: Uint8Array): Buffer | null {
    if (stored.length < sealedTailBytes) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#tailKey(saltIn(stored)), noNonce, {
      authTagLength: tagBytes,
    });
    decipher.setAAD(sha256).setAuthTag(stored.subarray(saltBytes, sealedTailBytes));
    try {
      return Buffer.concat([decipher.update(stored.subarray(sealedTailBytes)), decipher.final()]);
    } catch {
      return null;
    }
  }

  /** Bytes of a body from `offset` on; `tail` as it is stored. @throws EngineFailure `damaged` where that has no salt */
  openBody(stored: Uint8Array, offset: number, tail: Buffer): Buffer {
    if (tail.length < sealedTailBytes)
      throw new EngineFailure('damaged', 'the tail of an encrypted record has no salt');
    const counter = Buffer.alloc(noCounter.length);
    const before = offset % counter.length;
    counter.writeUIntBE((offset - before) / counter.length, counter.length - 6, 6);
    const decipher = createDecipheriv('aes-256-ctr', this.#bodyKey(saltIn(tail)), counter);
    decipher.update(counter.subarray(0, before));
    return decipher.update(stored);
  }

  /** What stands for `text` in the place that is named; it is opened in no other one. */
  sealDocument(place: readonly string[], text: string): string {
    return this.#documents.encode(place.join('\u0000'), text).toString('base64');
  }

  /** @throws EngineFailure `damaged` */
  openDocument(place: readonly string[], sealed: string): string {
    try {
      return String(this.#documents.decode(place.join('\u0000'), Buffer.from(sealed, 'base64')));
    } catch (error) {
      throw new EngineFailure('damaged', `the document ${place.join(' ')} cannot be decrypted`, { cause: error });
    }
  }

  #factsKey(seq: number): Buffer {
    const first = firstOfBlock(seq);
    if (this.#block.first !== first) {
      const number = Buffer.alloc(8);
      number.writeUIntBE(first, 2, 6);
      this.#block = { first, factsKey: derivedKey(this.#key, 'daybook cluster facts v1', number) };
    }
    return this.#block.factsKey;
  }

  #tailKey(salt: Uint8Array): Buffer {
    return derivedKey(this.#key, 'daybook cluster tail v1', salt);
  }

  #bodyKey(salt: Uint8Array): Buffer {
    return derivedKey(this.#key, 'daybook cluster body v1', salt);
  }
}

const saltIn = (tail: Buffer): Uint8Array => tail.subarray(0, saltBytes);
