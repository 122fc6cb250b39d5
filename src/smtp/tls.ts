import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsPair } from './types.ts';

/** RFC 8996: nothing older may be spoken. */
export const minVersion = 'TLSv1.2';

/**
 * Checks a pair before smtp-server gets it, which forgets the old one before it looks at the new one.
 * @throws Error when it cannot be read or the key is of another certificate
 */
export function checkTlsPair(pair: TlsPair): void {
  const certificate = new X509Certificate(pair.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) {
    throw new Error('the TLS key does not belong to the certificate');
  }
  createSecureContext({ cert: pair.cert, key: pair.key, minVersion });
}
