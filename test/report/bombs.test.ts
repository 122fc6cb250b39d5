import { expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import { bombs } from '../support/bombs.ts';
import { unwrapOptions } from '../support/mail.ts';
import { below, prng } from '../support/prng.ts';
import { threadCpuMs } from '../support/thread-cpu.ts';

/**
 * BOMBS=all npx vitest run --config test/vitest.config.ts report/bombs    every one of them, minutes
 * SEED=42 npx vitest run --config test/vitest.config.ts report/bombs      the same choice again
 */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const sample = 1_200;
const bytes = 100_000;
/** Linear work on 100 KB is a few milliseconds; the square of it is minutes. */
const limitMs = 150;
const options = unwrapOptions({ removeJournalHeaders: true, trustedRecipientHeaders: ['x-envelope-to', 'received'] });

test('no message costs more than its length', { timeout: 1_200_000 }, () => {
  console.log(`seed ${seed}`);
  const random = prng(seed);
  const chosen =
    process.env['BOMBS'] === 'all' ? bombs : Array.from({ length: sample }, () => bombs[below(random, bombs.length)]);
  for (const bomb of chosen) {
    if (bomb === undefined) continue;
    const message = bomb.make(bytes);
    // The best of three: the same work takes more CPU where others empty the caches.
    let tookMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && tookMs > limitMs; tries += 1) tookMs = Math.min(tookMs, timeOf(message));
    expect(tookMs, bomb.name).toBeLessThan(limitMs);
  }
});

function timeOf(message: Buffer): number {
  const startedAtMs = threadCpuMs();
  for (const { ranges, decoding } of unwrap(message, options).originals) {
    const [[start, end] = [0, 0]] = ranges;
    decode(message.subarray(start, end), decoding);
  }
  return threadCpuMs() - startedAtMs;
}
