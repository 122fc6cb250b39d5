import type { FastifyRequest } from 'fastify';

type Asked = Pick<FastifyRequest, 'headers' | 'socket'>;

/** A browser sends the cookies of a host to each of its ports: two engines on one host must not sign each other out. */
function nameFor({ socket }: Pick<Asked, 'socket'>): string {
  return `daybook-session-${socket.localPort ?? 0}`;
}

/** The id of the session that a request came with, if it is formed as one. */
export function sessionIdOf(request: Asked): string | undefined {
  const start = `${nameFor(request)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const id = pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
  return id !== undefined && /^[A-Za-z0-9_-]{43}$/.test(id) ? id : undefined;
}

/** The Set-Cookie header (RFC 6265bis). Scripts cannot read it, and no other site's page can have it sent. */
export function sessionCookie(request: Asked, { id, maxAgeMs }: { readonly id: string; readonly maxAgeMs: number }) {
  const secure = 'encrypted' in request.socket ? '; Secure' : '';
  const maxAge = Math.floor(maxAgeMs / 1000);
  return `${nameFor(request)}=${id}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}

export function endedCookie(request: Asked): string {
  return sessionCookie(request, { id: '', maxAgeMs: 0 });
}
