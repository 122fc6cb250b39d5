import { describe, expect, test } from 'vitest';
import { canMount, leftOut } from '../support/journey-partners.ts';
import { cutPower } from '../support/power-cut.ts';
import { prng } from '../support/prng.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const cuts = 6;
const missing = leftOut({ programs: ['mkfs.ext4', 'mount'], asRoot: true }) || !canMount({ loop: true });

describe.skipIf(missing)('a power cut under load', () => {
  test(`${cuts} cuts: nothing acknowledged is lost or changed, and the log is whole`, async () => {
    console.log(`seed ${seed}`);
    const random = prng(seed);
    let acknowledged = 0;
    for (let cut = 0; cut < cuts; cut += 1) {
      const end = await cutPower(random);
      expect(end).toMatchObject({ lost: 0, changed: 0, faults: [] });
      acknowledged += end.acknowledged;
    }
    expect(acknowledged).toBeGreaterThan(cuts * 40);
  }, 120_000);
});
