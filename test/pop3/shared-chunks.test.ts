import { expect, test } from 'vitest';
import { openGiveBack } from '../../src/give-back.ts';
import { SharedChunks } from '../../src/pop3/shared-chunks.ts';

/** As a socket makes one: alone in its memory. */
const chunkOf = (bytes = 65_536): Buffer => Buffer.from(new ArrayBuffer(bytes));

test('a chunk is given back once all who keep a part of it are done, and its hearing is over', () => {
  const chunks = new SharedChunks(openGiveBack());
  const chunk = chunkOf();
  const [first, second] = [chunk.subarray(0, 4_000), chunk.subarray(4_000, 8_000)];
  chunks.hear(chunk, () => {
    chunks.keep(first);
    chunks.done([first]);
    expect(chunk.length).toBe(65_536);
    chunks.keep(second);
  });
  expect(chunk.length).toBe(65_536);
  chunks.done([second]);
  expect(chunk.length).toBe(0);
});

test('a chunk with a part that nobody is done with stays, and so does one whose memory others share', () => {
  const chunks = new SharedChunks(openGiveBack());
  const chunk = chunkOf();
  const parts = [chunk.subarray(0, 10), chunk.subarray(10, 20)];
  chunks.hear(chunk, () => parts.forEach((part) => void chunks.keep(part)));
  chunks.done(parts.slice(1));
  expect(chunk.length).toBe(65_536);
  const pooled = Buffer.from('a few bytes');
  chunks.hear(pooled, () => chunks.keep(pooled));
  chunks.done([pooled, Buffer.alloc(0)]);
  expect(pooled.toString()).toBe('a few bytes');
});

test('a chunk is given back where the hearing of it fails, once its parts are done', () => {
  const chunks = new SharedChunks(openGiveBack());
  const chunk = chunkOf();
  const part = chunk.subarray(0, 10);
  const hear = (): void =>
    chunks.hear(chunk, () => {
      chunks.keep(part);
      throw new Error('endless');
    });
  expect(hear).toThrow('endless');
  expect(chunk.length).toBe(65_536);
  chunks.done([part]);
  expect(chunk.length).toBe(0);
});
