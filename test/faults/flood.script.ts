/**
 * `npm run faults:flood -- [--slow 5000] [--abusive 200] [--seconds 60] [--rate 50] [--seats 500]`: reliability G12. A
 * good sender keeps its pace while a crowd holds connections; once with `--seats` as `smtp.maxConnections`, and once
 * with a seat for everybody. Fails below 95 % of the pace, from 1 GB resident on, and where anything is lost.
 */
import { flood, holds } from './flood.ts';
import { argumentsOf, script } from './script.ts';

const { slow, abusive, seconds, rate, seats } = argumentsOf({
  slow: 5_000,
  abusive: 200,
  seconds: 60,
  rate: 50,
  seats: 500,
});

await script(async () => {
  const runs = [];
  for (const each of [seats, slow + abusive + 100]) {
    runs.push({ seats: each, ...(await flood({ slow, abusive, seats: each, seconds, perSecond: rate })) });
  }
  return { held: runs.every(holds), figures: runs };
});
