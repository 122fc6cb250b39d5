import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from '../../src/store/bodies.ts';
import { decodeQuotedPrintable } from '../../src/store/quoted-printable.ts';

/** The rules as they were first written, and as archived hashes have them. Takes the square of a run of blanks. */
function byRule(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString('latin1');
  const joined = text.replace(/[ \t]+(?=\r?\n|$)/g, '').replace(/=\r?\n/g, '');
  const plain = joined.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1');
}

const pieces = fc.constantFrom(
  '=',
  '==',
  ' ',
  '\t',
  '  ',
  '\r',
  '\n',
  '\r\n',
  '=\r\n',
  '= \r\n',
  '4',
  '1',
  'aF',
  '=41',
  '=4',
  'x',
  '\xff',
);
const texts = fc.array(pieces, { maxLength: 24 }).map((all) => Buffer.from(all.join(''), 'latin1'));

test('decodes any bytes as the rules say', () => {
  fc.assert(
    fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 40 })), (bytes) => {
      expect(decodeQuotedPrintable(bytes)).toEqual(byRule(bytes));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['blanks that end in nothing', ' ', 'x'],
  ['blanks before a lone CR', ' \t', '\rx'],
  ['soft breaks', '=\r\n', 'x'],
  ['escapes', '=41', ''],
  ['equals signs', '=', 'x'],
])('a megabyte of %s takes the time of a megabyte', (_, unit, end) => {
  const bytes = Buffer.from(unit.repeat(1_048_576 / unit.length) + end);
  const startedAt = performance.now();
  decode(bytes, 'quoted-printable');
  // The square of it would be minutes.
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
