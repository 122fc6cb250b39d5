import { expect, test } from 'vitest';
import { dateSecond } from '../../src/content/message-date.ts';

const at = (...fields: Parameters<typeof Date.UTC>) => Date.UTC(...fields) / 1000;
const readable: readonly (readonly [string, number])[] = [
  ['Mon, 02 Nov 2026 10:00:00 +0100', at(2026, 10, 2, 9)],
  ['2 Nov 2026 10:00 -0330', at(2026, 10, 2, 13, 30)],
  ['Mon,  2 Nov 2026 10:00:00 GMT', at(2026, 10, 2, 10)],
  ['Mon, 2 Nov 26 10:00:00 EST (Eastern (Standard) Time)', at(2026, 10, 2, 15)],
  ['Fri, 21 Nov 97 09:55:06 -0600', at(1997, 10, 21, 15, 55, 6)],
  ['Mon, 2 November 2026 10:00:00', at(2026, 10, 2, 10)],
  ['Sat, 31 Dec 2016 23:59:60 +0000', at(2017, 0, 1)],
  ['Mon, 2 Nov 2026 10:00:00\r\n +0100', at(2026, 10, 2, 9)],
];
test.each(readable)('reads the date %s', (text, second) => {
  expect(dateSecond(text)).toBe(second);
});

const garbage = [
  '',
  'yesterday',
  '32 Nov 2026 10:00:00 +0000',
  '2 Nov 2026',
  '2 Nov 2026 25:00:00 +0000',
  '2 Foo 2026 10:00:00',
];
test.each(garbage)('takes no date from "%s", least of all the present', (text) => {
  expect(dateSecond(text)).toBeNull();
});
