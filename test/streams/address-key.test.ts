import { expect, test } from 'vitest';
import { addressKey, sameAddress, uniqueAddresses } from '../../streams/address-key.ts';

test.each([
  ['Ada@Bücher.Example', 'ADA@xn--bcher-kva.example'],
  ['ÅSE@north.example', 'a\u030ase@North.Example'],
  ['"A b"@North.Example', '"a b"@north.example'],
  ['dn:/o=North/cn=A', 'dn:/o=north/cn=a'],
  ['J\u030cx@north.example', '\u01f0x@north.example'],
])('%s and %s are one address', (a, b) => {
  expect(addressKey(a)).toBe(addressKey(b));
  expect(sameAddress(a, b)).toBe(true);
  expect(uniqueAddresses([a, b, a])).toEqual([a]);
});

test.each([
  ['a@x.example', 'b@x.example'],
  ['a@bücher.example', 'a@bucher.example'],
  ['dn:/o=Bücher/cn=a@bücher.example', 'dn:/o=Bücher/cn=a@xn--bcher-kva.example'],
])('%s and %s are two', (a, b) => {
  expect(sameAddress(a, b)).toBe(false);
  expect(uniqueAddresses([a, b])).toEqual([a, b]);
});

test('a key is its own key, and a domain that IDNA refuses is only lower-cased', () => {
  for (const text of ['Ada@Bücher.Example', 'a@\u200b.Example', 'a@x.example/É', 'é', '@', 'a@', 'a@É.x y']) {
    expect(addressKey(addressKey(text))).toBe(addressKey(text));
  }
  expect(addressKey('a@X.example/É')).toBe('a@x.example/é');
});

test('none is the same as none only', () => {
  expect(sameAddress(null, null)).toBe(true);
  expect(sameAddress(null, '')).toBe(false);
});
