import { describe, expect, test } from 'vitest';
import { faultOfAddress, isDomain, isHost } from '../../src/config/address.ts';
import { createDirectory } from '../../src/config/directory.ts';
import { parseKnownAddresses, readKnownAddresses } from '../../src/config/known-addresses.ts';
import { addressKey } from '../../streams/address-key.ts';
import { configFolder } from './config-folder.ts';

const known = [
  'Ann@Example.com',
  'bob@sub.example.org',
  'list@bücher.example',
  'dn:/o=Org/cn=Ann',
  'guest@other.example',
  'journal@example.com',
];

function directory(addresses: readonly string[]) {
  return createDirectory({
    internalDomains: ['example.com', '*.example.org', 'Bücher.example'],
    knownAddresses: new Set(addresses.map(addressKey)),
    isServiceAddress: (key) => key === 'journal@example.com',
  });
}

describe('the directory', () => {
  test.each([
    ['a listed address', 'ann@example.com', true, true],
    ['a listed address in another case', 'ANN@EXAMPLE.COM', true, true],
    ['one that is not listed', 'eve@example.com', true, false],
    ['a plus address, which is another one', 'ann+x@example.com', true, false],
    ['a domain below an exact one', 'ann@mail.example.com', false, false],
    ['a domain below a wildcard', 'bob@sub.example.org', true, true],
    ['a domain far below a wildcard', 'eve@a.b.sub.example.org', true, false],
    ['the domain of a wildcard itself', 'eve@example.org', false, false],
    ['a domain that ends alike', 'eve@badexample.com', false, false],
    ['a domain that ends like a wildcard', 'eve@subexample.org', false, false],
    ['an international domain', 'list@BÜCHER.example', true, true],
    ['an international domain as A-labels', 'list@xn--bcher-kva.example', true, true],
    ['a listed address that is not internal', 'guest@other.example', false, false],
    ['a service address', 'Journal@Example.com', false, false],
    ['a listed directory name', 'dn:/O=org/CN=ann', true, true],
    ['another directory name', 'dn:/o=Org/cn=Eve', true, false],
    ['the null sender', '', false, false],
    ['text without a domain', 'postmaster', false, false],
    ['a quoted local part with an @', '"a@b"@example.com', true, false],
  ])('says of %s', (_, address, internal, isKnown) => {
    expect(directory(known).classify(address)).toEqual({ internal, known: isKnown });
  });

  test.each([
    ['ann@example.com', true, true],
    ['eve@example.com', true, true],
    ['eve@x.example.org', true, true],
    ['eve@elsewhere.example', false, false],
    ['journal@example.com', false, false],
    ['dn:/o=Org/cn=Ann', true, false],
  ])('with nobody listed says of %s', (address, internal, isKnown) => {
    expect(directory([]).classify(address)).toEqual({ internal, known: isKnown });
  });
});

describe('a directory file', () => {
  test('has one address a line, comments and blank lines', () => {
    const text =
      '# head\r\nAnn@Example.com\r\n\r\n  bob@example.com  # left\n#x@example.com\na#b@example.com\ndn:/o=Org/cn=Ann Lee';
    const read = parseKnownAddresses(text);
    expect(read.ok && [...read.addresses]).toEqual([
      'ann@example.com',
      'bob@example.com',
      'a#b@example.com',
      'dn:/o=org/cn=ann lee',
    ]);
  });

  test('names the first faulty lines and counts the rest', () => {
    const read = parseKnownAddresses(Array.from({ length: 9 }, () => 'x').join('\n'));
    expect(!read.ok && read.text).toContain('line 1, 2, 3, 4, 5 and 4 more');
  });

  test('may begin with a byte order mark', async () => {
    await using folder = await configFolder();
    const file = await folder.write('known.txt', '\ufeffann@example.com\n');
    expect(await readKnownAddresses(file)).toEqual({ ok: true, addresses: new Set(['ann@example.com']) });
  });
});

test.each([
  'north.example/é',
  'north.example?é',
  'north.example#é',
  'north.example:1é',
  'é\r\nnorth.example',
  'é@north.example',
])('%j is no domain, and is not cut to one', (domain) => {
  expect(isDomain(domain)).toBe(false);
  expect(isHost(domain)).toBe(false);
  expect(faultOfAddress(`a@${domain}`)).toBeDefined();
  expect(addressKey(`eve@${domain}`)).not.toBe('eve@north.example');
});
