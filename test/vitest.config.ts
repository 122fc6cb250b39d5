import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { TallyReporter } from './support/tally-reporter.ts';

/** One thread pool, unisolated: the house has no module-level state, so files cannot disturb each other. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', new TallyReporter()],
    globalSetup: ['./support/build-once.ts'],
  },
});
