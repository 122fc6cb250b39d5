import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { Pop3Failure } from './pop3-failure.ts';
import type { MailboxOptions } from './types.ts';

/** OpenSSL's words for a chain that ends in nobody we know: all that `relaxed` forgives (journaling a.2). */
const missingTrust = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const outsidePeriod = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** A chain is as long as the server likes. */
const MAX_CHAIN = 20;

type TrustOptions = Pick<MailboxOptions, 'host' | 'encryptionMode' | 'certificatePin'>;

/**
 * Judges the certificate of a finished handshake, before anything secret is said. OpenSSL names one error only, the name
 * is not compared once there is one, and the period of a self-signed certificate may hide behind it: so period and name
 * are looked at here in every case. A matching pin forgives what `relaxed` does, of this one certificate.
 * @throws Pop3Failure `tls-expired`, `tls-name`, `tls-untrusted`
 */
export function checkCertificate(socket: TLSSocket, options: TrustOptions, now: number): void {
  const certificate = socket.getPeerCertificate(true);
  if (certificate.raw === undefined) throw new Pop3Failure('tls-untrusted', 'the server showed no certificate');
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const pinned = options.certificatePin !== null;
  if (pinned && fingerprint !== options.certificatePin) {
    throw new Pop3Failure('tls-untrusted', `not the pinned certificate, but SHA-256 ${fingerprint}`);
  }
  // Typed as an error, it is OpenSSL's code; ERR_TLS_CERT_ALTNAME_INVALID comes as an error in truth.
  const problem = socket.authorizationError as unknown as string | NodeJS.ErrnoException | null;
  const code = typeof problem === 'string' ? problem : (problem?.code ?? null);
  if (code !== null && outsidePeriod.has(code)) throw new Pop3Failure('tls-expired', code);
  checkPeriod(certificate, now);
  const relaxed = options.encryptionMode === 'relaxed';
  if (!((relaxed || pinned) && isIP(options.host) !== 0)) {
    const misnamed = checkServerIdentity(options.host, certificate);
    if (misnamed !== undefined) throw new Pop3Failure('tls-name', misnamed.message);
  }
  if (socket.authorized || code === null || code === 'ERR_TLS_CERT_ALTNAME_INVALID') return;
  if ((relaxed || pinned) && missingTrust.has(code)) return;
  throw new Pop3Failure('tls-untrusted', `${code}, certificate SHA-256 ${fingerprint}`);
}

function checkPeriod(leaf: ReturnType<TLSSocket['getPeerCertificate']>, now: number): void {
  let certificate: PeerCertificate & { issuerCertificate?: PeerCertificate } = leaf;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const { valid_from: from, valid_to: to, issuerCertificate: issuer } = certificate;
    if (Date.parse(from) > now || Date.parse(to) < now) {
      throw new Pop3Failure('tls-expired', `certificate valid from ${from} to ${to}`);
    }
    if (issuer === undefined || issuer === certificate || issuer.valid_to === undefined) return;
    certificate = issuer;
  }
}
