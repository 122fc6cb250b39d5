import { expect, test } from 'vitest';
import { flips } from './flips.ts';

test.each([
  ['segments', false],
  ['leveldb', false],
  ['segments', true],
] as const)(
  'a bit flipped in any kind of file is found, and no read gives wrong bytes (%s, encrypted: %s)',
  async (bytes, encrypted) => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    const messages = 30;
    const figures = await flips({ places: 45, reads: 3, messages, seed, bytes, encrypted });
    expect(figures.faults).toEqual([]);
    expect(Object.keys(figures.places).length).toBeGreaterThanOrEqual(9);
    // Each message of each engine was right or refused, and an engine that did not start gave none.
    const { right, refused, notStarted } = figures.reads;
    expect(right + refused + notStarted * messages).toBe(3 * messages);
  },
  120_000,
);
