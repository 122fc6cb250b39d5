import { expect, test } from 'vitest';
import { recentBytes } from '../../src/store/recent-bytes.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const nobody = (): void => undefined;
let now = 0;
const pieces = (...parts: string[]): Uint8Array[] => parts.map((part) => Buffer.from(part));

test('lends the bytes of a message whole, once', () => {
  const recent = recentBytes(100, () => now);
  recent.keep('a', pieces('one ', 'two ', 'three'), nobody);
  expect(recent.lend('a', (bytes) => ({ said: text(bytes) }))).toEqual({ said: 'one two three' });
  expect(recent.lend('a', () => ({}))).toBeUndefined();
  expect(recent.take('a')).toBeUndefined();
});

test('lends a short message behind a long one, and a longer one behind both', () => {
  const recent = recentBytes(100, () => now);
  const said = (name: string, ...parts: string[]) => {
    recent.keep(name, pieces(...parts), nobody);
    return recent.lend(name, (bytes) => ({ said: text(bytes) }))?.said;
  };
  expect(said('a', 'rather long', ' it is')).toBe('rather long it is');
  expect(said('b', 'short')).toBe('short');
  expect(said('c', 'the longest', ' of them', ' all')).toBe('the longest of them all');
});

test('keeps no more than its bound: those that came first, until they have lain for 2 s', () => {
  const recent = recentBytes(10, () => now);
  const keep = (name: string, length: number): void => void recent.keep(name, pieces('x'.repeat(length)), nobody);
  const has = (name: string): boolean => recent.take(name) !== undefined;
  keep('first', 5);
  now += 500;
  keep('second', 5);
  keep('no room', 1);
  keep('too large', 11);
  expect(has('no room')).toBe(false);
  expect(has('too large')).toBe(false);
  now += 1_499;
  keep('too early', 1);
  expect(has('too early')).toBe(false);
  now += 1;
  keep('third', 3);
  expect(has('first'), 'as many as are in the way').toBe(false);
  expect(has('third')).toBe(true);
  expect(has('second')).toBe(true);
  keep('whole room', 10);
  expect(has('whole room')).toBe(true);
});

test('equal bytes that come again are kept as the last, once', () => {
  const recent = recentBytes(10, () => now);
  recent.keep('same', pieces('12345'), nobody);
  recent.keep('same', pieces('12345'), nobody);
  recent.keep('other', pieces('12345'), nobody);
  expect(recent.take('same')).toBeDefined();
  expect(recent.take('other')).toBeDefined();
});

test('says which pieces are done when it has lent them, and of no others', () => {
  const recent = recentBytes(10, () => now);
  const done: string[] = [];
  const keep = (name: string, ...parts: string[]): void =>
    recent.keep(name, pieces(...parts), (all) => void done.push(all.map(text).join('+'))).written();
  keep('pushed out', '1234567890');
  now += 2_000;
  keep('taken', '12');
  keep('lent', '34', '56');
  recent.take('taken');
  expect(done).toEqual([]);
  expect(recent.lend('lent', (bytes) => ({ said: text(bytes) }))).toEqual({ said: '3456' });
  expect(done).toEqual(['34+56']);
});

test('pieces that are not on disk yet are never done, though they were lent for equal ones that are', () => {
  const recent = recentBytes(100, () => now);
  const done: string[] = [];
  const keep = (name: string) => recent.keep('same', pieces('1', '2'), () => void done.push(name));
  keep('first').written();
  const second = keep('second');
  expect(recent.lend('same', (bytes) => ({ said: text(bytes) }))).toEqual({ said: '12' });
  second.written();
  expect(done).toEqual([]);
});
