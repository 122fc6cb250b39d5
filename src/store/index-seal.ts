import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MasterKey } from '../master-key.ts';
import { derivedKey } from './derived-key.ts';
import { indexKeyName } from './key-block.ts';
import { nonceBytes, tagBytes } from './record.ts';
import { makeKeysFolder } from './record-keys.ts';
import { codeOf } from './segment-files.ts';
import { bodyOffset, keyOf, makeKeyFile, placesIn } from './wrapped-key.ts';

/** Encrypts the values of the index, and the names that it is searched by. */
export interface IndexSeal {
  /** `room`: a value does not pass for one of another room. */
  encode(room: string, value: unknown): Buffer;
  /** @throws Error where it was not encoded under this key */
  decode(room: string, stored: Uint8Array): unknown;
  /** What stands for an address, a word of a subject and the like in a key: 128 bits of an HMAC, the same each time. */
  blind(name: string): string;
}

/** What the index is sealed with, its key made where there is none. @throws EngineFailure `key-unusable`, `damaged` */
export async function openIndexSeal(directory: string, master: MasterKey): Promise<IndexSeal> {
  await makeKeysFolder(directory);
  const path = join(directory, indexKeyName);
  return createIndexSeal(
    (await readIndexKey(directory, master)) ?? (await makeKeyFile(path, 0, master, Buffer.alloc(0))),
  );
}

/** Null where there is none. @throws EngineFailure `key-unusable`, `damaged` */
export async function readIndexKey(directory: string, master: MasterKey): Promise<Buffer | null> {
  const path = join(directory, indexKeyName);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    return null;
  });
  if (bytes === null) return null;
  return keyOf(placesIn(bytes.subarray(0, bodyOffset), 0), 0, master, `keys/${indexKeyName}`);
}

const format = 1;
const sessionBytes = 12;
const headBytes = 1 + sessionBytes + nonceBytes + tagBytes;
/** Opened values are of many runs of the engine; each has a key. */
const maxSessions = 256;
/** Addresses and words come again and again. */
const maxBlinded = 8_192;

/**
 * A value is stored as format 1, session 12, nonce 12, tag 16, ciphertext. Each run of the engine draws a session, from which
 * its key is derived, and counts its nonces: a value is written anew millions of times a day, too often for one key and
 * nonces that are drawn.
 */
export function createIndexSeal(key: Buffer): IndexSeal {
  const sessions = new Map<string, Buffer>();
  const keyOfSession = (session: Uint8Array): Buffer => {
    const name = Buffer.from(session).toString('latin1');
    const known = sessions.get(name) ?? derivedKey(key, 'daybook index values v1', session);
    if (sessions.size >= maxSessions) sessions.clear();
    sessions.set(name, known);
    return known;
  };
  const own = randomBytes(sessionBytes);
  const ownKey = keyOfSession(own);
  const blindKey = derivedKey(key, 'daybook index names v1');
  const blinded = new Map<string, string>();
  let count = 0;
  return {
    encode: (room, value) => {
      count += 1;
      const nonce = Buffer.alloc(nonceBytes);
      nonce.writeUIntBE(count, nonceBytes - 6, 6);
      const cipher = createCipheriv('aes-256-gcm', ownKey, nonce).setAAD(Buffer.from(room));
      const text = cipher.update(JSON.stringify(value), 'utf8');
      cipher.final();
      return Buffer.concat([Buffer.of(format), own, nonce, cipher.getAuthTag(), text]);
    },
    decode: (room, stored) => {
      if (stored[0] !== format || stored.length < headBytes) throw new Error('the value is not encrypted');
      const part = (from: number, length: number): Uint8Array => stored.subarray(from, from + length);
      const session = part(1, sessionBytes);
      const decipher = createDecipheriv('aes-256-gcm', keyOfSession(session), part(1 + sessionBytes, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(room)).setAuthTag(part(1 + sessionBytes + nonceBytes, tagBytes));
      const text = Buffer.concat([decipher.update(stored.subarray(headBytes)), decipher.final()]);
      return JSON.parse(text.toString('utf8')) as unknown;
    },
    blind: (name) => {
      const known = blinded.get(name);
      if (known !== undefined) return known;
      const made = createHmac('sha256', blindKey).update(name).digest('base64url').slice(0, 22);
      if (blinded.size >= maxBlinded) blinded.clear();
      blinded.set(name, made);
      return made;
    },
  };
}
