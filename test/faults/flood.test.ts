import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { dotFlood, flood } from './flood.ts';
import { nothingFound } from './outside.ts';

/** Reliability G12, small; `npm run faults:flood` has 5,000 slow connections and 200 abusive ones. */
const slow = 600;
const abusive = 40;
const seats = 100;

test('a good sender keeps its pace while slow and abusive connections hold every seat', async () => {
  const { findings, ...figures } = await flood({ slow, abusive, seats, seconds: 4, perSecond: 25 });
  console.log(JSON.stringify(figures));
  expect(findings).toEqual(nothingFound);
  expect(figures.slowServed, 'the seats were taken').toBeGreaterThan(seats / 2);
  expect(figures.abusiveServed).toBeGreaterThan(0);
  expect(figures.share).toBeGreaterThanOrEqual(0.95);
  expect(figures.peakResidentMb).toBeLessThan(1_024);
});

test('20 MB of stuffed dots cost less than 0.5 s of CPU', async () => {
  const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example }
`;
  await using daybook = await startDaybook({ config });
  const spent: number[] = [];
  // The best of three: on a machine that others use, the same work takes more of its time.
  for (let tries = 0; tries < 3 && !(Math.min(...spent) < 0.5); tries += 1) {
    spent.push(await dotFlood(daybook, 20 * 1_048_576));
  }
  console.log(`CPU of 20 MB of dots: ${spent.join(', ')} s`);
  expect(Math.min(...spent)).toBeLessThan(0.5);
});
