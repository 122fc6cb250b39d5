import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildBalancerRule, buildSourceRule, canonicalPeer, isLoopbackHost, parseCidr } from '../../src/config/cidr.ts';

describe('a source range', () => {
  test.each([
    ['10.0.0.0/8', { family: 'ipv4', network: '10.0.0.0', prefix: 8 }],
    ['0.0.0.0/0', { family: 'ipv4', network: '0.0.0.0', prefix: 0 }],
    ['192.0.2.7/32', { family: 'ipv4', network: '192.0.2.7', prefix: 32 }],
    ['2001:DB8::/32', { family: 'ipv6', network: '2001:db8::', prefix: 32 }],
    ['::/0', { family: 'ipv6', network: '::', prefix: 0 }],
    ['::ffff:10.0.0.0/104', { family: 'ipv4', network: '10.0.0.0', prefix: 8 }],
    ['::ffff:0:0/96', { family: 'ipv4', network: '0.0.0.0', prefix: 0 }],
  ])('%s is read', (text, range) => {
    expect(parseCidr(text)).toEqual({ ok: true, range });
  });

  test.each([
    ['10.0.0.1', '10.0.0.1/32'],
    ['::1', '::1/128'],
    ['10.0.0.5/8', '10.0.0.0/8'],
    ['192.0.2.255/25', '192.0.2.128/25'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['127.1/8', null],
    ['010.0.0.0/8', null],
    ['0x7f.0.0.1/8', null],
    ['10.0.0.0/33', null],
    ['10.0.0.0/08', null],
    ['10.0.0.0/-1', null],
    ['10.0.0.0/', null],
    ['10.0.0.0/8/8', null],
    ['fe80::1%eth0/64', null],
    ['::/129', null],
    ['example.com/8', null],
    ['', null],
  ])('%s is refused, suggesting %s', (text, suggestion) => {
    expect(parseCidr(text)).toMatchObject({ ok: false, suggestion });
  });
});

describe('a source rule', () => {
  test.each<[string, readonly string[], string, boolean]>([
    ['loopback alone may without ranges', [], '127.0.0.1', true],
    ['all of 127/8 is loopback', [], '127.200.3.4', true],
    ['mapped loopback is loopback', [], '::ffff:127.0.0.1', true],
    ['IPv6 loopback is loopback', [], '::1', true],
    ['others may not without ranges', [], '10.0.0.1', false],
    ['loopback may not where ranges leave it out', ['10.0.0.0/8'], '127.0.0.1', false],
    ['the first address of a range', ['10.0.0.0/8'], '10.0.0.0', true],
    ['the last address of a range', ['10.0.0.0/8'], '10.255.255.255', true],
    ['the address after a range', ['10.0.0.0/8'], '11.0.0.0', false],
    ['a mapped peer', ['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    ['a mapped peer in hex and upper case', ['10.0.0.0/8'], '::FFFF:0a00:1', true],
    ['a mapped peer outside', ['10.0.0.0/8'], '::ffff:11.0.0.1', false],
    ['a mapped range', ['::ffff:10.0.0.0/104'], '10.2.3.4', true],
    ['a peer with a zone id', ['fe80::/10'], 'fe80::1%eth0', true],
    ['a loopback with a zone id', [], '::1%lo', true],
    ['an IPv6 range', ['2001:db8::/32'], '2001:db8:ffff::1', true],
    ['outside an IPv6 range', ['2001:db8::/32'], '2001:db9::1', false],
    ['IPv6 for an IPv4 /0', ['0.0.0.0/0'], '2001:db8::1', false],
    ['IPv4 for an IPv4 /0', ['0.0.0.0/0'], '203.0.113.9', true],
    ['a mapped peer for an IPv6 /0', ['::/0'], '::ffff:203.0.113.9', false],
    ['a single address', ['192.0.2.7/32'], '192.0.2.7', true],
    ['the neighbour of a single address', ['192.0.2.7/32'], '192.0.2.8', false],
    ['text that is no address', ['0.0.0.0/0'], 'localhost', false],
    ['nothing', ['0.0.0.0/0'], '', false],
  ])('%s', (_, ranges, peer, allowed) => {
    expect(buildSourceRule(ranges)(peer)).toBe(allowed);
  });

  test('agrees with arithmetic on every IPv4 range and peer, mapped or not', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(word, fc.integer({ min: 0, max: 32 }), word, fc.boolean(), (base, prefix, other, near) => {
        const size = 2 ** (32 - prefix);
        const network = Math.floor(base / size) * size;
        const peer = near ? network + (other % size) : other;
        const rule = buildSourceRule([`${dotted(network)}/${prefix}`]);
        const expected = peer >= network && peer < network + size;
        return rule(dotted(peer)) === expected && rule(`::ffff:${dotted(peer)}`) === expected;
      }),
    );
  });

  test('refuses a range that the schema would have refused', () => {
    expect(() => buildSourceRule(['10.0.0.1'])).toThrow('source range');
  });
});

test('a peer is unmapped and loses its zone id', () => {
  expect(canonicalPeer('::FFFF:0a00:1')).toEqual({ text: '10.0.0.1', family: 'ipv4' });
  expect(canonicalPeer('fe80::1%eth0')).toEqual({ text: 'fe80::1', family: 'ipv6' });
  expect(canonicalPeer('unix')).toBeUndefined();
});

test.each([
  ['localhost', true],
  ['LocalHost', true],
  ['127.0.0.2', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['localhost.example', false],
])('%s is a loopback host: %s', (host, loopback) => {
  expect(isLoopbackHost(host)).toBe(loopback);
});

function dotted(word: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(word / 2 ** shift) % 256).join('.');
}

test('nobody is a balancer unless named, not even this machine', () => {
  expect(['127.0.0.1', '::1', '10.0.0.1'].filter(buildBalancerRule([]))).toEqual([]);
  expect(['127.0.0.1', '::ffff:10.0.0.1', '10.0.0.2'].filter(buildBalancerRule(['10.0.0.1/32']))).toEqual([
    '::ffff:10.0.0.1',
  ]);
});
