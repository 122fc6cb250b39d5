import type { SignedManifest } from './target.types.ts';

/** What stands beside a manifest, as openssl takes it: the signed text, its signature, the key to check it with. */
export const signatureFiles = ({
  statement,
  signature,
  publicKey,
}: SignedManifest): readonly (readonly [name: string, bytes: Buffer])[] => [
  ['manifest.txt', Buffer.from(statement)],
  ['manifest.sig', Buffer.from(signature, 'base64')],
  ['manifest.pem', Buffer.from(publicKey)],
];
