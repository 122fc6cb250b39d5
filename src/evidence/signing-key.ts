import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../whole-file.ts';
import { createSigner, type Signer } from './head.ts';

/** The private key, PKCS #8 PEM, for the owner alone. */
export const keyFile = 'evidence.key';
/**
 * Its public half, SPKI PEM: give a copy of it to whoever is to check heads. Behind it stand those of keys that were lost,
 * as after a restore without keys: what they signed stays signed.
 */
export const publicKeyFile = 'evidence.pub';

/** The signer of a data directory; its key is made at the first start, and where it was lost. @throws Error where the key cannot be read */
export async function openSigner(dataDir: string): Promise<Signer> {
  const { pem, isNew } = await readOrMake(join(dataDir, keyFile));
  const signer = createSigner(pem);
  const own = signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const path = join(dataDir, publicKeyFile);
  const stands = await readFile(path, 'utf8').catch(() => '');
  if (blocksOf(stands).includes(own)) return signer;
  if (stands !== '' && !isNew) {
    throw new Error(`${publicKeyFile} does not have the public half of ${keyFile}: one of them was changed`);
  }
  await writeWhole(path, own + stands, 0o644);
  return signer;
}

/** The public keys of a data directory, the one in use first. @throws Error where there is none, or one is no key */
export async function readPublicKeys(dataDir: string): Promise<readonly KeyObject[]> {
  const blocks = blocksOf(await readFile(join(dataDir, publicKeyFile), 'utf8'));
  if (blocks.length === 0) throw new Error(`${publicKeyFile} holds no key`);
  return blocks.map((pem) => {
    const key = createPublicKey(pem);
    if (key.export({ type: 'spki', format: 'pem' }) !== pem)
      throw new Error(`${publicKeyFile} is not as it was written`);
    return key;
  });
}

/** The PEM blocks of a text of nothing else. @throws Error where there is something else */
function blocksOf(text: string): readonly string[] {
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n/g) ?? [];
  if (blocks.join('') !== text) throw new Error(`${publicKeyFile} holds something that is no key`);
  return blocks;
}

/** An empty file holds no key. */
async function readOrMake(path: string): Promise<{ readonly pem: string; readonly isNew: boolean }> {
  const stands = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  if (stands !== '') return { pem: stands, isNew: false };
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  await writeWhole(path, pem, 0o600);
  return { pem, isNew: true };
}
