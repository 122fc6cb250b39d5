import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { whyUnreadable } from './unreadable.ts';

/** Absolute paths of a PEM certificate chain and its private key. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}
export type LoadedTls =
  | {
      readonly ok: true;
      readonly cert: Buffer;
      readonly key: Buffer;
      readonly notBeforeAt: number;
      readonly notAfterAt: number;
    }
  /** No text holds anything of the key. */
  | { readonly ok: false; readonly faults: readonly TlsFault[] };
export interface TlsFault {
  readonly field: 'cert' | 'key';
  readonly text: string;
}

/** Reads a pair and makes sure that a TLS listener can serve it: at start, in `check` and before each reload. */
export async function loadTls({ certFile, keyFile }: TlsFiles): Promise<LoadedTls> {
  const [cert, key] = await Promise.all([read(certFile), read(keyFile)]);
  const certificate = typeof cert === 'string' ? undefined : attempt(() => new X509Certificate(cert));
  const privateKey = typeof key === 'string' ? undefined : attempt(() => createPrivateKey(key));
  const faults: TlsFault[] = [];
  if (certificate === undefined) {
    faults.push({ field: 'cert', text: `the file ${wrong(cert, 'is no certificate')}; expected a PEM certificate` });
  }
  if (privateKey === undefined) {
    const text = `the file ${wrong(key, 'is no private key')}; expected a PEM private key without a passphrase`;
    faults.push({ field: 'key', text });
  }
  if (certificate === undefined || privateKey === undefined || typeof cert === 'string' || typeof key === 'string') {
    return { ok: false, faults };
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    const text = 'does not belong to the certificate; expected its private key';
    return { ok: false, faults: [{ field: 'key', text }] };
  }
  if (attempt(() => createSecureContext({ cert, key })) === undefined) {
    const text = 'is refused by the TLS library; expected a chain in order and a key of present-day strength';
    return { ok: false, faults: [{ field: 'cert', text }] };
  }
  const notBeforeAt = Date.parse(certificate.validFrom);
  return { ok: true, cert, key, notBeforeAt, notAfterAt: Date.parse(certificate.validTo) };
}

/** The bytes, or why there are none. */
async function read(file: string): Promise<Buffer | string> {
  return readFile(file).catch(whyUnreadable);
}

function wrong(read: Buffer | string, otherwise: string): string {
  return typeof read === 'string' ? read : otherwise;
}

/** The libraries tell a bad file by throwing; their texts may quote it. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
