import { expect, test } from 'vitest';
import { remembering } from '../../src/config/memo.ts';

test('an answer is asked for once, false ones too, until too many are remembered', () => {
  const asked: string[] = [];
  const isLong = remembering(2, (text) => {
    asked.push(text);
    return text.length > 3;
  });
  expect(['a', 'long', 'a', 'long'].map(isLong)).toEqual([false, true, false, true]);
  expect(asked).toEqual(['a', 'long']);
  expect(isLong('b')).toBe(false);
  expect(isLong('a')).toBe(false);
  expect(asked).toEqual(['a', 'long', 'b', 'a']);
});

test('a text too long to be an address is not remembered', () => {
  let asked = 0;
  const count = remembering(10, () => {
    asked += 1;
    return asked;
  });
  expect([count('x'.repeat(512)), count('x'.repeat(512))]).toEqual([1, 1]);
  expect([count('x'.repeat(513)), count('x'.repeat(513))]).toEqual([2, 3]);
});

test('what is remembered does not hold the text that it was a part of', () => {
  const length = remembering(1_000, (text) => text.length);
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 400; at += 1) {
    const mail = Buffer.alloc(1_000_000, `${at} `).toString('latin1');
    length(`${at}${mail}`.slice(0, 100));
  }
  // 400 MB would be held; the collector has had to clear most of it away meanwhile.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
});
