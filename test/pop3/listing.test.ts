import { describe, expect, test } from 'vitest';
import { type ListingEntry, ListingReader, listed } from '../../src/pop3/listing.ts';

function entriesOf(...lines: readonly string[]): readonly ListingEntry[] {
  const reader = new ListingReader();
  for (const line of lines) reader.add(Buffer.from(`${line}\r\n`, 'latin1'));
  return reader.entries();
}

describe('a listing', () => {
  test('is read line by line: a number, blanks, a word, and whatever comes behind it', () => {
    expect(entriesOf('1 a', '2\t \tb c', '', '0000000003 !~\u00e9', '2147483647 z')).toEqual([
      { n: 1, word: 'a' },
      { n: 2, word: 'b' },
      { n: 3, word: '!~' },
      { n: 2_147_483_647, word: 'z' },
    ]);
  });

  test('comes by number, whatever the order of its lines', () => {
    expect(entriesOf('3 c', '1 a', '2 b').map(({ word }) => word)).toEqual(['a', 'b', 'c']);
  });

  test.each([' ', '1', '1 ', 'x 1', '-1 x', '0 x', '1x', '2147483648 x', '00000000001 x', '1 \u00e9', ' 1 x'])(
    'with the line %j is none',
    (line) => {
      expect(() => entriesOf('7 fine', line)).toThrow(`unusable listing: ${line}`.trim());
    },
  );

  test('that gives a number twice is none, next to each other or apart', () => {
    expect(() => entriesOf('1 a', '1 b')).toThrow('unusable listing: 1 a');
    expect(() => entriesOf('2 a', '1 b', '3 c', '2 d')).toThrow('unusable listing: 2 ');
  });
});

describe('UIDL and LIST together', () => {
  test('give each item of either, oldest first', () => {
    expect(listed(entriesOf('1 a', '3 c'), entriesOf('2 20', '3 x', '4 40'))).toEqual([
      { n: 1, uidl: 'a', listSize: null, unique: true },
      { n: 2, uidl: null, listSize: 20, unique: false },
      { n: 3, uidl: 'c', listSize: null, unique: true },
      { n: 4, uidl: null, listSize: 40, unique: false },
    ]);
  });

  test('tell a UIDL that stands twice, and one that is too long', () => {
    const long = 'u'.repeat(513);
    const items = listed(entriesOf('1 a', '2 b', '3 a', `4 ${long}`), entriesOf('1 1', '2 2', '3 3', '4 4'));
    expect(items.map(({ uidl, unique }) => [uidl, unique])).toEqual([
      ['a', false],
      ['b', true],
      ['a', false],
      [null, false],
    ]);
  });

  test('without UIDL have sizes alone', () => {
    expect(listed(null, entriesOf('1 10'))).toEqual([{ n: 1, uidl: null, listSize: 10, unique: false }]);
  });
});
