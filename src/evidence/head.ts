import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** The commit log as it was at one moment, for those who come later: how many records, and the root of their tree. */
export interface LogHead {
  /** Hash of record 1: which log this is. */
  readonly log: string;
  /** Records 1 to `size` are covered. */
  readonly size: number;
  /** RFC 9162 root of the tree over their hashes, hex. */
  readonly root: string;
  /** When it was signed, epoch ms. */
  readonly at: number;
}

/** A head that nobody can deny: Ed25519 (RFC 8032) over {@link signedText}. Facts of a `checkpoint` record. */
export interface SignedHead extends LogHead {
  /** Base64. */
  readonly signature: string;
  /** Which key signed: SHA-256 of its SPKI DER form, hex. */
  readonly key: string;
}

/** What is signed, to the byte, so that openssl can check it: five lines, each ended by LF. */
export const signedText = ({ log, size, root, at }: LogHead): string =>
  `daybook signed head v1\nlog ${log}\nsize ${size}\nroot ${root}\nat ${new Date(at).toISOString()}\n`;

/** Identity of a public key. */
export const keyId = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

export interface Signer {
  readonly publicKey: KeyObject;
  /** {@link keyId} of it. */
  readonly key: string;
  sign(head: LogHead): SignedHead;
  /** Of a text whose first line says what it is; base64. */
  signText(text: string): string;
}

/** @throws Error where the PEM text is no Ed25519 private key */
export function createSigner(pem: string): Signer {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 key');
  const publicKey = createPublicKey(privateKey);
  const key = keyId(publicKey);
  const signText = (text: string): string => sign(null, Buffer.from(text), privateKey).toString('base64');
  return { publicKey, key, signText, sign: (head) => ({ ...head, key, signature: signText(signedText(head)) }) };
}

/** True where that key signed just this. */
export function isSignedBy(head: SignedHead, publicKey: KeyObject): boolean {
  return (
    head.key === keyId(publicKey) &&
    verify(null, Buffer.from(signedText(head)), publicKey, Buffer.from(head.signature, 'base64'))
  );
}

/** The facts of a `checkpoint` record, or null where they are none. */
export function readSignedHead(facts: unknown): SignedHead | null {
  if (typeof facts !== 'object' || facts === null) return null;
  const { log, size, root, at, signature, key } = facts as Partial<Record<keyof SignedHead, unknown>>;
  if (typeof log !== 'string' || typeof root !== 'string' || typeof signature !== 'string') return null;
  if (typeof key !== 'string' || !Number.isSafeInteger(size) || !Number.isSafeInteger(at)) return null;
  return { log, size: size as number, root, at: at as number, signature, key };
}
