import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { peerAddress } from './address.ts';

/** Whom a balancer speaks for. `address` is in the form of {@link peerAddress}. */
export interface ProxyClient {
  readonly address: string;
  readonly port: number;
}
/** What the first bytes of a connection are. `bytes` is the length of the header; what follows is the client's. */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'fault'; readonly fault: ProxyFault }
  /** `client` is null where the balancer speaks for itself, or does not know for whom (LOCAL, UNKNOWN). */
  | { readonly kind: 'whole'; readonly client: ProxyClient | null; readonly bytes: number };
export type ProxyFault = 'missing' | 'malformed' | 'too-long';

/** The line of version 1 with its CRLF, by the protocol. */
const maxLineBytes = 107;
/**
 * A header of version 2. Addresses take 216 bytes at most, and what balancers add to them (names, TLS, ids) a few hundred;
 * the length field could say 64 KB.
 */
const maxBinaryBytes = 4096;
const fixedBytes = 16;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const keyword = Buffer.from('PROXY ', 'latin1');
const tcp4 = 0x11;
const tcp6 = 0x21;

/**
 * Reads the PROXY protocol, versions 1 and 2 (haproxy, `doc/proxy-protocol.txt` section 2), from all bytes that have come so
 * far. The answer does not depend on how they came: a `fault` or a whole header stays what it is with more bytes.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsAs(bytes, signature)) return bytes.length < fixedBytes ? { kind: 'more' } : readBinary(bytes);
  if (beginsAs(bytes, keyword)) return bytes.length < keyword.length ? { kind: 'more' } : readLine(bytes);
  return fault('missing');
}

/** True as long as nothing speaks against it. */
function beginsAs(bytes: Buffer, word: Buffer): boolean {
  const length = Math.min(bytes.length, word.length);
  return bytes.compare(word, 0, length, 0, length) === 0;
}

function readLine(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, maxLineBytes);
  const end = text.indexOf('\r\n');
  const line = end < 0 ? text.replace(/\r$/, '') : text.slice(0, end);
  // No end but CRLF is one: what a lone CR or LF ends here could be the client's.
  if (/[\r\n]/.test(line)) return fault('malformed');
  if (end < 0) return bytes.length < maxLineBytes ? { kind: 'more' } : fault('too-long');
  const length = end + 2;
  // Whatever stands behind the word counts for nothing.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'whole', client: null, bytes: length };
  const [, family, source = '', target = '', port = '', targetPort = ''] =
    /^PROXY TCP([46]) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const isAddress = family === '4' ? isIPv4 : isPlainIPv6;
  if (!isAddress(source) || !isAddress(target) || !isPort(port) || !isPort(targetPort)) return fault('malformed');
  return { kind: 'whole', client: clientOf(source, Number(port)), bytes: length };
}

function readBinary(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes.readUInt8(12);
  const transport = bytes.readUInt8(13);
  const length = fixedBytes + bytes.readUInt16BE(14);
  const command = versionAndCommand & 0xf;
  if (versionAndCommand >> 4 !== 2 || command > 1) return fault('malformed');
  const isLocal = command === 0;
  const isKnown = transport >> 4 <= 3 && (transport & 0xf) <= 2;
  const addressBytes = transport === tcp4 ? 12 : transport === tcp6 ? 36 : 0;
  if (!isLocal && (!isKnown || length < fixedBytes + addressBytes)) return fault('malformed');
  if (length > maxBinaryBytes) return fault('too-long');
  if (bytes.length < length) return { kind: 'more' };
  if (isLocal || addressBytes === 0) return { kind: 'whole', client: null, bytes: length };
  const source = bytes.subarray(fixedBytes);
  const client =
    transport === tcp4
      ? clientOf(source.subarray(0, 4).join('.'), source.readUInt16BE(8))
      : clientOf(groupsOf(source.subarray(0, 16)), source.readUInt16BE(32));
  return { kind: 'whole', client, bytes: length };
}

/** One address has one spelling, that of sockets: limits and locks count by it. */
function clientOf(address: string, port: number): ProxyClient {
  const spelt = isIPv4(address) ? address : new SocketAddress({ address, family: 'ipv6' }).address;
  return { address: peerAddress(spelt), port };
}

function groupsOf(address: Buffer): string {
  return Array.from({ length: 8 }, (_, at) => address.readUInt16BE(2 * at).toString(16)).join(':');
}

/** A zone would be one of the balancer's. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');
const isPort = (text: string): boolean => /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
const fault = (what: ProxyFault): ProxyHeader => ({ kind: 'fault', fault: what });
