/**
 * `npm run faults:sweep -- [--leveldb | --encrypted] [--from 1] [--limit 1000] [--again]`: reliability G3. A kill before every call that
 * changes the data directory in one life of the engine, then in the midst of every write, until a life ends untouched.
 * With `--again` the folder is one that another kill has left, so that its recovery is killed too.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyFolder, type LifeOptions, openLife } from './ingest.ts';
import { storeOf } from './load.ts';
import { argumentsOf, script } from './script.ts';
import { callsOfLife, changingKinds, holds, killedAt, type Point } from './sweep.ts';

const { leveldb, encrypted, from, limit, again } = argumentsOf({
  leveldb: false,
  encrypted: false,
  from: 1,
  limit: 1_000,
  again: false,
});
const bytes = storeOf({ leveldb, encrypted });

/** The folder of a life that was killed at two thirds of its calls. */
async function leftBehind(into: string): Promise<string> {
  const calls = await callsOfLife({ bytes }, changingKinds);
  await using life = await openLife({ bytes });
  await life.shim.arm({ kinds: changingKinds, outcome: 'kill', first: Math.floor((2 * calls) / 3), forever: false });
  await life.live();
  await copyFolder(join(life.directory, 'data'), into);
  return into;
}

async function sweep(options: LifeOptions, outcome: Point['outcome']): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (let at = from; at < from + limit; at += 1) {
    const point = await killedAt(options, outcome, at);
    if (point === null) return points;
    points.push(point);
    if (!holds(point)) console.log(JSON.stringify(point));
    else if (at % 25 === 0) console.log(`${outcome} at ${at}: holds`);
  }
  console.log(`${outcome}: ended by --limit, not by itself`);
  return points;
}

await script(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-left-'));
  try {
    const inherited = again ? { inherited: await leftBehind(join(folder, 'data')) } : {};
    const kills = await sweep({ bytes, ...inherited }, 'kill');
    const tears = await sweep({ bytes, ...inherited }, 'tear');
    const broken = [...kills, ...tears].filter((point) => !holds(point));
    return { held: broken.length === 0, figures: { bytes, again, kills: kills.length, tears: tears.length, broken } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
