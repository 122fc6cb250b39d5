import { isIPv4, isIPv6 } from 'node:net';
import { domainKey } from '../../streams/address-key.ts';

/**
 * The address with its domain in lower-case A-labels (RFC 5890), for look-ups; the local part stays as it is.
 * smtp-server hands over domains in Unicode whatever the client wrote.
 */
export function lookupAddress(address: string): string {
  const at = address.lastIndexOf('@');
  if (at < 0) return address;
  return address.slice(0, at + 1) + domainKey(address.slice(at + 1));
}

/** A peer as the engine compares it: IPv4-mapped addresses unmapped, no zone, lower case. */
export function peerAddress(address: string): string {
  const plain = address.toLowerCase().replace(/%.*$/, '');
  const mapped = plain.startsWith('::ffff:') ? plain.slice(7) : plain;
  return isIPv4(mapped) ? mapped : plain;
}

/** True for a client on this machine. */
export function isLoopback(peer: string): boolean {
  return peer === '::1' || (isIPv4(peer) && peer.startsWith('127.'));
}

/** Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, since one host may have all of it. */
export function peerGroup(peer: string): string {
  if (!isIPv6(peer)) return peer;
  const [head = '', tail] = peer.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: gap }, () => '0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
