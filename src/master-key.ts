import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../streams/failure.ts';

/** Where the master key of an encrypted archive stands: a file, or a credential that systemd hands to the service. */
export type KeySource = { readonly file: string } | { readonly credential: string };

/**
 * The key that the operator holds. It encrypts no mail, only the keys that do: a new one needs those wrapped anew, and
 * nothing else.
 */
export interface MasterKey {
  /** Which key it is, for files and people: 16 hex digits that give nothing of it away. */
  readonly id: string;
  /** AES-256-GCM over a key of 32 bytes: nonce, ciphertext, tag; it opens under the same `context` only. */
  wrap(key: Uint8Array, context: string): Buffer;
  /** Null where it was wrapped under another key or context, or is damaged. */
  unwrap(wrapped: Uint8Array, context: string): Buffer | null;
}

export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
export const wrappedBytes = nonceBytes + keyBytes + tagBytes;
/** A key in any writing is shorter: a larger file is not read. */
const maxFileBytes = 256;

/**
 * Reads the master key. `credentials` is the folder that systemd names in `CREDENTIALS_DIRECTORY`.
 * @throws EngineFailure `key-unusable` with what is wrong, never with anything of the key
 */
export async function readMasterKey(source: KeySource, credentials: string | undefined): Promise<MasterKey> {
  if ('file' in source) return masterKeyOf(await readKey(source.file, true), source.file);
  if (credentials === undefined) {
    const text = `store.encryption.credential is ${source.credential}, and systemd has handed no credentials to this process`;
    throw new EngineFailure('key-unusable', text);
  }
  const path = join(credentials, source.credential);
  return masterKeyOf(await readKey(path, false), path);
}

/** The master key that the options name, of this process; null where nothing is encrypted. @throws EngineFailure `key-unusable` */
export const masterKeyFrom = async (source: KeySource | null): Promise<MasterKey | null> =>
  source === null ? null : readMasterKey(source, process.env['CREDENTIALS_DIRECTORY']);

async function readKey(path: string, isOurs: boolean): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    // The folder of credentials is guarded by systemd; a file of ours by its mode alone.
    if (isOurs && (mode & 0o077) !== 0) {
      const text = `${path} may be read by others than its owner: chmod 600 ${path}`;
      throw new EngineFailure('key-unusable', text);
    }
    if (size > maxFileBytes) throw noKey(path);
    return await file.readFile();
  } catch (error) {
    if (error instanceof EngineFailure) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new EngineFailure('key-unusable', `${path} cannot be read (${code})`, { cause: error });
  }
}

/** The key in `content`: 32 bytes as they are, or in hex or base64 with white space around. @throws EngineFailure `key-unusable` */
export function masterKeyOf(content: Uint8Array, name = 'the key'): MasterKey {
  const key = keyIn(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  // A file of zeros is what a disk or a script leaves where a key should be.
  if (key === null || key.every((byte) => byte === key[0])) throw noKey(name);
  const wrapping = createHmac('sha256', key).update('daybook master key v1: wrapping').digest();
  return {
    id: createHash('sha256').update('daybook master key v1: id\n').update(key).digest('hex').slice(0, 16),
    wrap: (wrapped, context) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', wrapping, nonce).setAAD(Buffer.from(context));
      return Buffer.concat([nonce, cipher.update(wrapped), cipher.final(), cipher.getAuthTag()]);
    },
    unwrap: (wrapped, context) => {
      if (wrapped.length !== wrappedBytes) return null;
      const decipher = createDecipheriv('aes-256-gcm', wrapping, wrapped.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(context)).setAuthTag(wrapped.subarray(nonceBytes + keyBytes));
      try {
        return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, nonceBytes + keyBytes)), decipher.final()]);
      } catch {
        return null;
      }
    },
  };
}

function keyIn(content: Buffer): Buffer | null {
  if (content.length === keyBytes) return content;
  const text = content.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text) || /^[A-Za-z0-9_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  return null;
}

const noKey = (name: string): EngineFailure =>
  new EngineFailure(
    'key-unusable',
    `${name} holds no key: expected 32 random bytes, as they are or in hex or base64 (openssl rand -hex 32)`,
  );
