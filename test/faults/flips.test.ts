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
    const figures = await flips({ places: 45, reads: 2, messages: 30, seed, bytes, encrypted });
    expect(figures.faults).toEqual([]);
    expect(Object.keys(figures.places).length).toBeGreaterThanOrEqual(9);
    expect(figures.reads.right).toBeGreaterThan(0);
  },
  120_000,
);
