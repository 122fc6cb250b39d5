import { isIP } from 'node:net';

/** True for `localhost`, a name below it, 127.0.0.0/8 and ::1; brackets as in a Host header are allowed. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/** Host name of a Host header without its port, lower case; undefined when it is not one (RFC 9110 section 7.2). */
export function hostNameOf(header: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1]?.toLowerCase();
}

/**
 * True when a Host header names this server: a loopback name or the configured host.
 * A page that rebinds a name of its own to a loopback address sends that name and is refused.
 */
export function isOwnHost(header: string | undefined, configured: string): boolean {
  const name = hostNameOf(header);
  if (name === undefined) return false;
  return isLoopback(name) || name.replace(/^\[(.*)\]$/, '$1') === configured.toLowerCase();
}

/** True when `origin` is absent or is the very server that `host` names, port included. `null` is foreign. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  if (host === undefined || !URL.canParse(origin)) return false;
  const from = new URL(origin);
  const own = `${from.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === from.host && from.host !== '';
}
