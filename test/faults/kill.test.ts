import { expect, test } from 'vitest';
import { isOnCluster } from '../../bench/peers/other-backend.ts';
import { crashes } from './crashes.ts';
import { nothingFound } from './outside.ts';

/** In a cluster the log lies in its database, so there is one of them. */
const stores = isOnCluster()
  ? ([['segments', 10]] as const)
  : ([
      ['segments', 20],
      ['leveldb', 4],
      ['encrypted segments', 3],
    ] as const);

for (const [bytes, cycles] of stores) {
  test(`killed ${cycles} times under SMTP and POP3 load, nothing promised is lost, doubled or changed (${bytes})`, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const report = await crashes({ cycles, bytes, seed });
    const { findings, refused, sent, acknowledged, deleted, readyAfterMs, exitCode } = report;
    console.log(
      `${acknowledged} acknowledged and ${deleted} deleted of ${sent}; ready after ${Math.round(readyAfterMs.at(-1)!)} ms at most`,
    );
    expect(refused).toBe(null);
    expect(findings).toEqual(nothingFound);
    expect(acknowledged, 'messages by SMTP').toBeGreaterThan(5 * cycles);
    expect(deleted, 'messages by POP3').toBeGreaterThan(5 * cycles);
    expect(exitCode).toBe(0);
  }, 300_000);
}
