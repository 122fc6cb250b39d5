import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { type ProxyHeader, readProxyHeader } from '../../src/smtp/proxy-header.ts';
import { addressBlock, binaryHeader, lineHeader } from '../support/proxy-headers.ts';

const read = (text: string): ProxyHeader => readProxyHeader(Buffer.from(text, 'latin1'));
const clientOf = (header: Buffer) => {
  const found = readProxyHeader(header);
  return found.kind === 'whole' ? found.client : found;
};

const local = binaryHeader(Buffer.alloc(0), { command: 0x20, transport: 0 });
const octets = (count: number) =>
  fc.uint8Array({ minLength: count, maxLength: count }).map((bytes) => Buffer.from(bytes));
const port = fc.integer({ min: 0, max: 65_535 });
const added = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const anyHeader = fc.oneof(
  fc.record({ source: fc.ipV4(), port }).map(lineHeader),
  fc.record({ source: fc.ipV6().filter((address) => isIPv6(address)), port }).map(lineHeader),
  fc.constant(Buffer.from('PROXY UNKNOWN\r\n')),
  fc.tuple(octets(4), port, added).map(([source, at, more]) => binaryHeader(addressBlock(source, at, more))),
  fc
    .tuple(octets(16), port, added)
    .map(([source, at, more]) => binaryHeader(addressBlock(source, at, more), { transport: 0x21 })),
  added.map((more) => binaryHeader(more, { command: 0x20, transport: 0xff })),
);

describe('a header of either version', () => {
  test('is whole with its last byte, wherever it was cut, and what follows is not looked at', () => {
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 200 }), (header, after) => {
        const bytes = Buffer.concat([header, after]);
        const whole = readProxyHeader(bytes);
        expect(whole).toMatchObject({ kind: 'whole', bytes: header.length });
        for (let length = 0; length < bytes.length; length += 1) {
          const found = readProxyHeader(bytes.subarray(0, length));
          expect(found).toEqual(length < header.length ? { kind: 'more' } : whole);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('or none: an answer never changes with more bytes, and never takes many', () => {
    const words = fc.constantFrom('PROXY ', 'TCP4 ', 'TCP6 ', '1.2.3.4 ', '::1 ', '25 ', '\r\n', '\r', '\n', 'UNKNOWN');
    const binary = fc
      .tuple(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 9000 }),
        added,
      )
      .map(([command, transport, length, block]) => binaryHeader(block, { command, transport, length }));
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.array(words, { maxLength: 30 }).map((all) => Buffer.from(all.join(''))),
      fc.array(words, { maxLength: 30 }).map((all) => Buffer.from(`PROXY TCP4 ${all.join('')}`)),
      binary,
    );
    fc.assert(
      fc.property(hostile, (bytes) => {
        let before: ProxyHeader = { kind: 'more' };
        for (let length = 0; length <= bytes.length; length += 1) {
          const found = readProxyHeader(bytes.subarray(0, length));
          if (before.kind !== 'more') expect(found).toEqual(before);
          before = found;
        }
        if (before.kind === 'whole') expect(before.bytes).toBeLessThanOrEqual(bytes[0] === 13 ? 4096 : 107);
        if (before.kind === 'more') expect(bytes.length).toBeLessThan(bytes[0] === 13 ? 4096 : 107);
      }),
      { numRuns: 500 },
    );
  });

  test('says the same address in both versions', () => {
    fc.assert(
      fc.property(octets(16), port, (source, at) => {
        const inLine = lineHeader({ source: ipaddr.fromByteArray([...source]).toString(), port: at });
        const inBytes = binaryHeader(addressBlock(source, at), { transport: 0x21 });
        expect(clientOf(inLine)).toEqual(clientOf(inBytes));
      }),
    );
  });
});

describe('the line of version 1', () => {
  test.each([
    ['PROXY TCP4 192.0.2.7 10.0.0.1 56324 25\r\n', { address: '192.0.2.7', port: 56_324 }],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', { address: '255.255.255.255', port: 65_535 }],
    ['PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 1 25\r\n', { address: '2001:db8::7', port: 1 }],
    ['PROXY TCP6 ::ffff:192.0.2.7 ::1 1 25\r\n', { address: '192.0.2.7', port: 1 }],
    ['PROXY TCP6 0:0:0:0:0:FFFF:C000:0207 ::1 1 25\r\n', { address: '192.0.2.7', port: 1 }],
    ['PROXY UNKNOWN\r\n', null],
    ['PROXY UNKNOWN 192.0.2.7 10.0.0.1 56324 25\r\n', null],
    [`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, null],
  ])('%j is of %j', (line, client) => {
    expect(read(line)).toEqual({ kind: 'whole', client, bytes: line.length });
  });

  test.each([
    ['proxy TCP4 192.0.2.7 10.0.0.1 1 25\r\n', 'missing'],
    ['EHLO client.example\r\n', 'missing'],
    ['\x16\x03\x01', 'missing'],
    [' PROXY', 'missing'],
    ['PROXYTCP4', 'missing'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 1 25\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7\r10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY UNKNOWN\nMAIL FROM:<a@b.c>\r\n', 'malformed'],
    ['PROXY UNKNOWN \nMAIL FROM:<a@b.c>\r\n', 'malformed'],
    ['PROXY UNKNOWNS\r\n', 'malformed'],
    ['PROXY  TCP4 192.0.2.7 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7  10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 1 25 \r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7\r\n', 'malformed'],
    ['PROXY TCP5 192.0.2.7 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.07 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 127.1 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 mail.example 1 25\r\n', 'malformed'],
    ['PROXY TCP4 ::1 ::1 1 25\r\n', 'malformed'],
    ['PROXY TCP6 192.0.2.7 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 65536 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 01 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 1 -25\r\n', 'malformed'],
    [`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`, 'too-long'],
    [`PROXY TCP4 ${'1'.repeat(200)}`, 'too-long'],
  ])('%j is %s', (line, fault) => {
    expect(read(line)).toEqual({ kind: 'fault', fault });
  });
});

describe('the bytes of version 2', () => {
  const four = Buffer.from([192, 0, 2, 7]);
  const mapped = Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), four]);

  test.each([
    ['TCP over IPv4', binaryHeader(addressBlock(four, 56_324)), { address: '192.0.2.7', port: 56_324 }],
    [
      'TCP over IPv6',
      binaryHeader(addressBlock(Buffer.from('20010db8000000000000000000000007', 'hex'), 1), { transport: 0x21 }),
      { address: '2001:db8::7', port: 1 },
    ],
    ['IPv4 as IPv6', binaryHeader(addressBlock(mapped, 1), { transport: 0x21 }), { address: '192.0.2.7', port: 1 }],
    ['more than addresses', binaryHeader(addressBlock(four, 1, Buffer.alloc(900))), { address: '192.0.2.7', port: 1 }],
    ['LOCAL', local, null],
    ['LOCAL with an address', binaryHeader(addressBlock(four, 1), { command: 0x20 }), null],
    ['LOCAL of no family there is', binaryHeader(Buffer.alloc(3), { command: 0x20, transport: 0xff }), null],
    ['no family', binaryHeader(Buffer.alloc(0), { transport: 0 }), null],
    ['UDP', binaryHeader(addressBlock(four, 1), { transport: 0x12 }), null],
    ['a Unix socket', binaryHeader(Buffer.alloc(216), { transport: 0x31 }), null],
    ['4096 bytes', binaryHeader(addressBlock(four, 1, Buffer.alloc(4068))), { address: '192.0.2.7', port: 1 }],
  ])('of %s', (_name, header, client) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'whole', client, bytes: header.length });
  });

  test.each([
    ['version 1', binaryHeader(addressBlock(four, 1), { command: 0x11 }), 'malformed'],
    ['an unknown command', binaryHeader(addressBlock(four, 1), { command: 0x22 }), 'malformed'],
    ['an unknown family', binaryHeader(addressBlock(four, 1), { transport: 0x41 }), 'malformed'],
    ['an unknown transport', binaryHeader(addressBlock(four, 1), { transport: 0x13 }), 'malformed'],
    ['too few bytes for IPv4', binaryHeader(Buffer.alloc(11)), 'malformed'],
    ['too few bytes for IPv6', binaryHeader(Buffer.alloc(35), { transport: 0x21 }), 'malformed'],
    ['4097 bytes', binaryHeader(addressBlock(four, 1), { length: 4081 }), 'too-long'],
    ['LOCAL of 64 KB', binaryHeader(Buffer.alloc(0), { command: 0x20, length: 65_535 }), 'too-long'],
    ['another signature', Buffer.from('\r\n\r\n\0\r\nQUIT\r!\x11\0\x0c'.padEnd(40)), 'missing'],
  ])('of %s are refused', (_name, header, fault) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'fault', fault });
  });
});
