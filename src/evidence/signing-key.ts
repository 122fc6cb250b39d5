import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSigner, type Signer } from './head.ts';

/** The private key, PKCS #8 PEM, for the owner alone. */
export const keyFile = 'evidence.key';
/** Its public half, SPKI PEM: give a copy of it to whoever is to check heads. */
export const publicKeyFile = 'evidence.pub';

/** The signer of a data directory; its key is made at the first start. @throws Error where the key cannot be read */
export async function openSigner(dataDir: string): Promise<Signer> {
  const path = join(dataDir, keyFile);
  const signer = createSigner(await readOrMake(path));
  const pem = signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const stands = await readFile(join(dataDir, publicKeyFile), 'utf8').catch(() => null);
  if (stands === null) await writeDurably(join(dataDir, publicKeyFile), pem, 0o644);
  else if (stands !== pem) {
    throw new Error(`${publicKeyFile} is not the public half of ${keyFile}: one of them was changed`);
  }
  return signer;
}

/** The public key of a data directory. @throws Error where there is none, or it is no key */
export const readPublicKey = async (dataDir: string) =>
  createPublicKey(await readFile(join(dataDir, publicKeyFile), 'utf8'));

async function readOrMake(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await writeDurably(path, pem, 0o600);
    return pem;
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
