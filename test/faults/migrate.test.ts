import { describe, expect, test } from 'vitest';
import { longOfClusterLeftOut } from '../support/postgres.ts';
import { migrations } from './migrate.ts';

describe.skipIf(longOfClusterLeftOut())('an archive that moves while mail flows and copies are killed', () => {
  test('keeps every promise, hash and deadline, and nobody waits for longer than some seconds', async () => {
    const { findings, intoSeconds, backSeconds } = await migrations({
      entries: 400,
      kills: 2,
      seed: 7,
      told: () => undefined,
    });
    expect(findings).toEqual([]);
    // Two starts of an engine are in it, on a machine that does other things too.
    expect(Math.max(intoSeconds, backSeconds)).toBeLessThan(30);
  }, 180_000);
});
