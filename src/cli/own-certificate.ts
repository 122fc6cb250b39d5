import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { pipeline, Readable } from 'node:stream';
import { checkServerIdentity, rootCertificates } from 'node:tls';

type Send = (url: URL, init: RequestInit) => Promise<Response>;

/**
 * `fetch` for an engine whose certificate its configuration names: self-signed or of a house's own authority, and for
 * whatever name, whoever shows it has its key. Any other certificate is judged as `fetch` would, which can be told of none
 * while the process runs.
 */
export function fetchTrusting(certificate: string): Send {
  const own = new X509Certificate(certificate).fingerprint256;
  const tls: RequestOptions = {
    ca: [...rootCertificates, certificate],
    allowPartialTrustChain: true,
    checkServerIdentity: (host, shown) => (shown.fingerprint256 === own ? undefined : checkServerIdentity(host, shown)),
  };
  return (url, { method = 'GET', headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      const given = Object.fromEntries(new Headers(headers));
      const sent = request(url, { ...tls, method, headers: given, ...(signal ? { signal } : {}) });
      sent.once('response', (answer) => resolve(responseOf(answer)));
      sent.on('error', reject);
      if (body instanceof ReadableStream)
        pipeline(Readable.fromWeb(body as never), sent, (error) => error && reject(error));
      else sent.end(body ?? undefined);
    });
}

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 500, statusMessage = '', rawHeaders } = answer;
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  const isEmpty = status === 204 || status === 304;
  if (isEmpty) answer.resume();
  const body = isEmpty ? null : (Readable.toWeb(answer) as unknown as ReadableStream);
  return new Response(body, { status, statusText: statusMessage, headers });
}
