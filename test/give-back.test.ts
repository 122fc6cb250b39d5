import { expect, test, vi } from 'vitest';
import { openGiveBack } from '../src/give-back.ts';

test('a chunk that fills its memory is freed; parts of others stay as they are', () => {
  const giveBack = openGiveBack();
  const whole = Buffer.from(new ArrayBuffer(65_536));
  const shared = Buffer.from(new ArrayBuffer(65_536));
  const part = shared.subarray(0, 60_000);
  const pooled = Buffer.from('a few bytes');
  giveBack([whole, part, pooled, Buffer.alloc(0)]);
  expect(whole.length).toBe(0);
  expect([part.length, shared.length, pooled.toString()]).toEqual([60_000, 65_536, 'a few bytes']);
  giveBack([whole, part]);
  expect(part.length).toBe(60_000);
});

test('what is given back is free memory at once', async () => {
  const giveBack = openGiveBack();
  const round = (): void => {
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 200; at += 1) giveBack([Buffer.from(new ArrayBuffer(1_048_576))]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 1_048_576);
  };
  // The channel needs a turn of the event loop to be closed at both ends.
  await vi.waitFor(round);
  round();
});
