import ipaddr from 'ipaddr.js';
import { aLabelsOf, isAscii } from '../../streams/address-key.ts';

/** RFC 5321 section 4.5.3.1: octets of a whole address (path without its brackets) and of its local part. */
const maxAddressOctets = 254;
const maxLocalOctets = 64;

const dotAtom = /^[^\s"(),.:;<>@[\\\]\p{Cc}]+(\.[^\s"(),.:;<>@[\\\]\p{Cc}]+)*$/u;
const quotedString = /^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u;
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i;
/** RFC 1123 allows all-digit labels, but a last one of digits is an address, and then a faulty one. */
const digits = /^[0-9]+$/;

/** What is wrong with an addr-spec (RFC 5322 section 3.4.1), or undefined when it is one. */
export function faultOfAddress(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at <= 0 || at === address.length - 1) return 'is not an address';
  const local = address.slice(0, at);
  if (Buffer.byteLength(address) > maxAddressOctets) return `is longer than ${maxAddressOctets} octets`;
  if (Buffer.byteLength(local) > maxLocalOctets) return `has a local part longer than ${maxLocalOctets} octets`;
  if (!dotAtom.test(local) && !quotedString.test(local)) return 'has a faulty local part';
  const domain = address.slice(at + 1);
  return isDomain(domain) || isAddressLiteral(domain) ? undefined : 'has a faulty domain';
}

/** A domain name (RFC 1123, IDN allowed) that is not an IP address. */
export function isDomain(domain: string): boolean {
  const ascii = isAscii(domain) ? domain : aLabelsOf(domain);
  if (ascii === '' || ascii.length > 253) return false;
  const labels = ascii.split('.');
  return labels.every((each) => label.test(each)) && !digits.test(labels.at(-1) ?? '');
}

/** A host to bind or to connect to: RFC 1123 name, IPv4, or IPv6 with or without brackets. */
export function isHost(host: string): boolean {
  return isDomain(host) || ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(withoutBrackets(host));
}

/** `[::1]` as `::1`; anything else as it is. */
export function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** RFC 5321 section 4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function isAddressLiteral(domain: string): boolean {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return false;
  const inside = domain.slice(1, -1);
  return /^ipv6:/i.test(inside) ? ipaddr.IPv6.isValid(inside.slice(5)) : ipaddr.IPv4.isValidFourPartDecimal(inside);
}
