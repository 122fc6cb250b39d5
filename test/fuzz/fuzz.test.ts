import { expect, test } from 'vitest';
import { threadCpuMs } from '../support/thread-cpu.ts';
import { FuzzFailure, fuzz, type Target } from './fuzzer.ts';
import { runsOf, targets } from './targets.ts';

/** Another one at each run, so that the suite looks at more with the time; a failure names it. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
/** In all targets together; `npm run fuzz` has as many as one likes, and looks at what they reach. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 50_000);

test.each(targets.map((target) => [target.name, target] as const))('%s takes whatever comes', async (_, target) => {
  const { runs: done } = await fuzz(target, { runs: runsOf(target, runs), seed, guided: false });
  expect(done).toBe(runsOf(target, runs));
});

const base: Target = { name: 'x', sources: [], share: 1, words: ['needle'], seeds: () => [Buffer.from('hay')] };

test('an input that breaks a promise is named with its seed, and the same seed finds it again', async () => {
  const run = (input: Buffer): void => {
    if (input.includes('needle')) throw new Error('found');
  };
  const failed = await fuzz({ ...base, run }, { runs: 5_000, seed: 7, guided: false }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(FuzzFailure);
  expect(String(failed)).toMatch(
    /^FuzzFailure: x, seed 7, run \d+: Error: found\nagain: npm run fuzz -- --target x --seed 7/,
  );
  const again = await fuzz({ ...base, run }, { runs: 5_000, seed: 7, guided: false }).catch((error: unknown) => error);
  expect(String(again)).toBe(String(failed));
});

test('an input that takes too much CPU is a fault, one that waits for others is not', async () => {
  const limitMs = 100;
  const options = { runs: 1, seed: 1, guided: false, limitMs };
  const busy = (): void => {
    const from = threadCpuMs();
    while (threadCpuMs() - from < limitMs * 1.5) JSON.stringify(Array.from({ length: 10_000 }));
  };
  await expect(fuzz({ ...base, run: busy }, options)).rejects.toThrow('ms of CPU');
  const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, limitMs + 50));
  await expect(fuzz({ ...base, run: idle }, options)).resolves.toMatchObject({ runs: 1 });
});

test('inputs that reach new code are kept to go on from', async () => {
  const run = (input: Buffer): void => void unlocked(input);
  const guided = { ...base, words: ['a', 'b', 'c'], sources: ['/test/fuzz/'], run };
  const { corpus } = await fuzz(guided, { runs: 2_000, seed: 3, guided: true });
  expect(corpus).toBeGreaterThan(base.seeds().length);
});

/** Stages that are reached one after the other. */
function unlocked(input: Buffer): number {
  if (!input.includes('a')) return 0;
  if (!input.includes('ab')) return 1;
  return input.includes('abc') ? 3 : 2;
}
