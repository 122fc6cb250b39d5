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
