import { BlockList } from 'node:net';
import ipaddr from 'ipaddr.js';
import { withoutBrackets } from './address.ts';
import { remembering } from './memo.ts';

/** More than the servers that any site sends from. */
const rememberedPeers = 1_024;

/** A range of addresses, canonical: IPv4-mapped ranges are IPv4 ones, no host bits are set. */
export interface CidrRange {
  readonly family: 'ipv4' | 'ipv6';
  readonly network: string;
  readonly prefix: number;
}
export type ParsedCidr =
  | { readonly ok: true; readonly range: CidrRange }
  /** `suggestion` is the range that was probably meant; `fault` does not repeat what was written. */
  | { readonly ok: false; readonly fault: string; readonly suggestion: string | null };

/**
 * Reads one source range (journaling a.2). A mask must be there and no host bit may be set: both are usual slips,
 * and a guess could admit too many.
 */
export function parseCidr(text: string): ParsedCidr {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return { ok: false, fault: 'is not an IPv4 or IPv6 range', suggestion: null };
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (slash < 0)
    return { ok: false, fault: `has no mask; a single address is /${bits}`, suggestion: `${text}/${bits}` };
  const mask = text.slice(slash + 1);
  const prefix = Number(mask);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(mask) || prefix > bits) {
    return { ok: false, fault: `has a mask that is not 0 to ${bits}`, suggestion: null };
  }
  const network = networkOf(address, prefix);
  if (network !== address.toString()) {
    return { ok: false, fault: 'has host bits set', suggestion: `${network}/${prefix}` };
  }
  return { ok: true, range: unmapRange(address, prefix) };
}

/**
 * Who may send: true for peers in one of `ranges`, with no ranges for loopback alone (interface `smtp`).
 * Peers may be IPv4-mapped IPv6 and may have a zone id. The families are apart: `::/0` admits no IPv4 peer.
 * @throws Error for a range that {@link parseCidr} refuses
 */
export function buildSourceRule(ranges: readonly string[]): (peer: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of ranges.length === 0 ? ['127.0.0.0/8', '::1/128'] : ranges) {
    const parsed = parseCidr(text);
    if (!parsed.ok) throw new Error('a source range got past the schema');
    lists[parsed.range.family].addSubnet(parsed.range.network, parsed.range.prefix, parsed.range.family);
  }
  return remembering(rememberedPeers, (peer) => {
    const address = canonicalPeer(peer);
    return address !== undefined && lists[address.family].check(address.text, address.family);
  });
}

/** Who speaks for others (PROXY protocol): peers in one of `ranges`, with no ranges nobody. @throws Error as {@link buildSourceRule} */
export function buildBalancerRule(ranges: readonly string[]): (peer: string) => boolean {
  return ranges.length === 0 ? () => false : buildSourceRule(ranges);
}

/** `::ffff:10.0.0.1` as `10.0.0.1`, zone ids removed; undefined for text that is no address. */
export function canonicalPeer(peer: string): { text: string; family: 'ipv4' | 'ipv6' } | undefined {
  const address = parseAddress(peer.replace(/%.*$/s, ''));
  if (address === undefined) return undefined;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return { text: address.toIPv4Address().toString(), family: 'ipv4' };
  }
  return { text: address.toString(), family: address.kind() };
}

/** True for `localhost`, 127.0.0.0/8 and ::1, brackets allowed: hosts only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return host.toLowerCase() === 'localhost' || buildSourceRule([])(withoutBrackets(host));
}

/** Four-part decimal only: `127.1` and octal forms mean different things to different programs. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return undefined;
}

function networkOf(address: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): string {
  const written = `${address.toString()}/${prefix}`;
  return address.kind() === 'ipv4'
    ? ipaddr.IPv4.networkAddressFromCIDR(written).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(written).toString();
}

function unmapRange(address: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): CidrRange {
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && prefix >= 96) {
    return { family: 'ipv4', network: address.toIPv4Address().toString(), prefix: prefix - 96 };
  }
  return { family: address.kind(), network: address.toString(), prefix };
}
