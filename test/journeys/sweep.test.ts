import { describe, expect, test } from 'vitest';
import { type DiskFault, diskCalls, type errors } from '../support/faulty-disk.ts';
import { leftOut } from '../support/journey-partners.ts';
import { oneIngest } from '../support/one-ingest.ts';
import { below, prng } from '../support/prng.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const runs = 6;
const kinds: readonly (keyof typeof errors)[] = ['SIGKILL', 'SIGKILL', 'EIO', 'ENOSPC', 'EMFILE', 'EROFS'];

/** A sample of `npm run faults:sweep`, which goes through all of them. */
describe.skipIf(leftOut({ programs: ['cc'] }))('one ingest by SMTP and POP3', () => {
  test('whichever call of it fails or is its last: nothing lost, doubled or falsely promised, and it goes on', async () => {
    console.log(`seed ${seed}`);
    const random = prng(seed);
    for (let run = 0; run < runs; run += 1) {
      const call = diskCalls[below(random, 3)]!;
      const fault: DiskFault = {
        call,
        error: kinds[run]!,
        from: 1 + below(random, 40),
        ...(random() < 0.5 ? { count: 1 } : {}),
      };
      try {
        const { backMs } = await oneIngest(fault);
        expect(backMs ?? 0).toBeLessThan(30_000);
      } catch (error) {
        throw new Error(JSON.stringify(fault), { cause: error });
      }
    }
  }, 180_000);
});
