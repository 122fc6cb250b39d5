import { defineConfig } from 'vitest/config';
import { isOnCluster } from '../bench/peers/other-backend.ts';
import { LongestFirst } from './support/longest-first.ts';
import { filesNotOfCluster } from './support/other-backend.ts';
import { TallyReporter } from './support/tally-reporter.ts';

/** What keeps a pace for some seconds by the clock has the machine to itself, when all else is done. */
const paced = 'faults/flood.test.ts';
const leftOut = isOnCluster() ? Object.keys(filesNotOfCluster) : [];

/** One thread pool, unisolated: the house has no module-level state, so files cannot disturb each other. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    pool: 'threads',
    isolate: false,
    // Twice the two cores that the suite has its bound on: most files wait for processes half of their time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Only so that nothing hangs for ever: waits have bounds of their own, and on a busy machine a journey of 10 s takes 60.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // As long as `eventually` waits for another process, a page or a server; Vitest's own bound is one second.
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default', new TallyReporter()],
    globalSetup: ['./support/build-once.ts', './support/other-backend.ts'],
    projects: [
      { extends: true, test: { name: 'suite', include: ['**/*.test.ts'], exclude: [paced, ...leftOut] } },
      { extends: true, test: { name: 'paced', include: [paced], sequence: { groupOrder: 1 } } },
    ],
  },
});
