import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { RawMessage } from './api.types.ts';

/** Answers a message byte for byte, never as something a browser would show. */
export function sendRaw(reply: FastifyReply, name: string, raw: RawMessage): FastifyReply {
  const { size, sha256, content } = raw;
  reply
    .type('message/rfc822')
    .header('content-length', size)
    .header('content-disposition', `attachment; filename="${fileNameOf(name)}"`)
    // RFC 9530: the digest of what is downloaded.
    .header('repr-digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`);
  if (content instanceof Uint8Array) return reply.send(viewOf(content));
  return reply.send(Readable.from(content, { objectMode: false }));
}

/** A name that no file system and no header misreads. */
export function fileNameOf(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._~-]/g, '_').replace(/^[.~-]+/, '_');
  return `${plain.slice(0, 100) || 'message'}.eml`;
}

/** The same memory as a Buffer. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
