import { below } from './prng.ts';
import type { SimClock } from './sim-clock.ts';
import { calmLine, type LinePlan } from './sim-line.ts';
import { pick } from './sim-mail.ts';
import { calm } from './sim-power.ts';
import type { SimServer } from './sim-server.ts';
import type { LifePlan, SimWorker } from './sim-worker.ts';

const rarely = (random: () => number, share: number, bound: number): number | null =>
  random() < share ? 1 + below(random, bound) : null;

/** The faults of one life of a worker; with the last crash behind, disk and line are only slow. */
export function drawClusterLife(random: () => number, crashesLeft: number): LifePlan {
  const slowMs = pick(random, [0, 0, 3, 20]);
  if (crashesLeft === 0) {
    const power = { ...calm, slowMs: below(random, 4) };
    return { power, line: { ...calmLine, slowMs: pick(random, [0, 2]) }, ending: null, sleepMs: 0 };
  }
  const line: LinePlan = {
    slowMs,
    lossy: pick(random, [0, 0, 0.005, 0.03]),
    lossyCommit: pick(random, [0, 0.05, 0.2]),
    sleepAt: drawSleep(random),
  };
  const power = {
    slowMs: pick(random, [0, 3, 20]),
    crashAtStep: rarely(random, 0.5, 1_500),
    failBatchAt: rarely(random, 0.15, 40),
    failReadAt: null,
  };
  const ending = { how: pick(random, ['kill', 'power-cut', 'stop'] as const), withinMs: 25_000 };
  // Around the 4 and 5 s of a lock and a transaction, or beyond the 15 s of a tenure.
  const isShort = line.sleepAt?.name === null && random() < 0.5;
  const sleepMs = isShort ? 1_000 + below(random, 8_000) : 14_000 + below(random, 20_000);
  return { power, line, ending, sleepMs };
}

/** At any statement; or between the question whether it may write for a definition and what is written. */
function drawSleep(random: () => number): LinePlan['sleepAt'] {
  if (random() < 0.4) return null;
  const name = pick(random, [null, null, 'token', 'held']);
  return { name, number: 1 + below(random, name === null ? 800 : 4) };
}

/** A server that is away, one that is slow to commit, and workers that are cut off from it; all of it within the first minute. */
export function planClusterWeather({
  world,
  random,
  server,
  workers,
  met,
  say,
}: {
  readonly world: SimClock;
  readonly random: () => number;
  readonly server: SimServer;
  readonly workers: readonly SimWorker[];
  readonly met: { outages: number; cuts: number };
  readonly say: (line: string) => void;
}): void {
  for (let outage = below(random, 3); outage > 0; outage -= 1) {
    const awayMs = random() < 0.7 ? 200 + below(random, 8_000) : 15_000 + below(random, 15_000);
    world.schedule(
      () => {
        if (!server.isUp) return;
        say(`the database is away for ${awayMs} ms`);
        met.outages += 1;
        server.stop();
        world.schedule(() => {
          server.isUp = true;
        }, awayMs);
      },
      below(random, 30_000),
    );
  }
  for (let cut = below(random, 3); cut > 0; cut -= 1) {
    const worker = pick(random, workers);
    const cutMs = 1_000 + below(random, 20_000);
    world.schedule(
      () => {
        const { line } = worker;
        say(`${worker.name} is cut off for ${cutMs} ms`);
        met.cuts += 1;
        line.isCut = true;
        world.schedule(() => {
          line.isCut = false;
        }, cutMs);
      },
      below(random, 30_000),
    );
  }
  const slow = pick(random, [0, 0, 0.02, 0.1]);
  server.planCommit = () =>
    slow > 0 && random() < slow
      ? { appliesAfterMs: 1 + below(random, 9_000), isOnDisk: random() < 0.5 }
      : { appliesAfterMs: 0, isOnDisk: true };
  world.schedule(() => {
    server.planCommit = () => ({ appliesAfterMs: 0, isOnDisk: true });
  }, 60_000);
}
