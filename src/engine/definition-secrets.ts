import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { Secret } from '../config/secret.ts';
import { writeWhole } from '../whole-file.ts';
import { hashPassword, isHashed } from './password.ts';

/** In the data directory. */
export const definitionKeyFile = 'definitions.key';
const keyBytes = 32;
/** Behind the key, a digest of it: nothing else could tell a key with one bit flipped from another key. */
const checkBytes = 8;

/**
 * The key of a data directory's definitions: made at the first start, readable by the owner alone, in no backup of the log.
 * It is on disk before anything is sealed under it. An empty file holds no key: a crash of an earlier engine left it; one
 * that earlier engines wrote has no digest, and gets it.
 * @throws EngineFailure `store-failed` where the file holds anything else than a key
 */
export async function definitionKey(dataDir: string): Promise<Uint8Array> {
  const file = join(dataDir, definitionKeyFile);
  const found = await readFile(file).catch(emptyIfMissing);
  if (isChecked(found)) return found.subarray(0, keyBytes);
  if (found.length === 0 || found.length === keyBytes) {
    const key = found.length === 0 ? randomBytes(keyBytes) : found;
    await writeWhole(file, Buffer.concat([key, checkOf(key)]), 0o600);
    return key;
  }
  const text = `${file} is damaged: put it back from a copy, or remove it and give the passwords anew`;
  throw new EngineFailure('store-failed', text);
}

/** Whether the file is as it was written; true where there is none, or one of an earlier engine, which nobody can tell. */
export async function isDefinitionKeyWhole(dataDir: string): Promise<boolean> {
  const found = await readFile(join(dataDir, definitionKeyFile)).catch(emptyIfMissing);
  return found.length === 0 || found.length === keyBytes || isChecked(found);
}

const isChecked = (found: Buffer): boolean =>
  found.length === keyBytes + checkBytes && checkOf(found.subarray(0, keyBytes)).equals(found.subarray(keyBytes));

const checkOf = (key: Uint8Array): Buffer =>
  createHash('sha256').update(`${definitionKeyFile} `).update(key).digest().subarray(0, checkBytes);

function emptyIfMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code !== 'ENOENT') throw error;
  return Buffer.alloc(0);
}

/** Passwords of definitions made over the API, as they rest in the commit log (journaling a.2, Password). */
export interface SecretBox {
  /** AES-256-GCM, bound to the definition: `v1.` nonce `.` ciphertext with tag, base64url. */
  seal(definitionId: string, secret: Secret): string;
  /** Undefined when it was sealed under another key, or for another definition. */
  open(definitionId: string, sealed: string): Secret | undefined;
}

const tagBytes = 16;

export function createSecretBox(key: Uint8Array): SecretBox {
  const boxKey = Buffer.from(hkdfSync('sha256', key, '', 'daybook definition secrets', 32));
  return {
    seal: (definitionId, secret) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', boxKey, nonce).setAAD(Buffer.from(definitionId));
      const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
    },
    open: (definitionId, sealed) => {
      const [, nonce = '', text = ''] = sealed.split('.');
      const bytes = Buffer.from(text, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', boxKey, Buffer.from(nonce, 'base64url'))
          .setAAD(Buffer.from(definitionId))
          .setAuthTag(bytes.subarray(-tagBytes));
        const clear = Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
        return new Secret(clear.toString('utf8'));
      } catch {
        return undefined;
      }
    },
  };
}

/** Whatever its transport calls it. */
export function passwordOf(config: DefinitionConfig): Secret | undefined {
  return config.transport === 'smtp' ? config.smtp.password : config.pop3.password;
}

/** True when the two would not let the same client in, or not say the same to a server. */
export const secretsDiffer = (before: DefinitionConfig, after: DefinitionConfig): boolean =>
  passwordOf(before)?.reveal() !== passwordOf(after)?.reveal() ||
  before.canary?.password?.reveal() !== after.canary?.password?.reveal();

/** The same definition with an SMTP password as its hash alone; a POP3 password has to be said to the server. */
export async function withHashedPassword(config: DefinitionConfig): Promise<DefinitionConfig> {
  const password = config.transport === 'smtp' ? config.smtp.password?.reveal() : undefined;
  if (config.transport !== 'smtp' || password === undefined || isHashed(password)) return config;
  return { ...config, smtp: { ...config.smtp, password: new Secret(await hashPassword(password)) } };
}
