import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { ArchiveEntry } from '../../streams/message.ts';
import { below, prng } from '../support/prng.ts';
import { KeepingWorld } from '../support/sim-keeping.ts';
import { must } from '../support/sim-look.ts';
import { sha256, value } from '../support/store-fixture.ts';

/**
 * Mail that comes, is copied and is parsed again, retentions that change, holds that come and go, erasures, nights, kills and rebuilds in any
 * order, against a second account of what must be gone and what must stand. SEEDS=5000 for more, SEED=42 for one.
 */
const only = process.env['SEED'];
const seeds = Number(process.env['SEEDS'] ?? 60);
const steps = 60;

test('nothing on hold and nothing before its time is deleted, all else is, and a rebuild agrees', {
  timeout: 3_600_000,
}, async () => {
  const [first, last] = only === undefined ? [1, seeds] : [Number(only), Number(only)];
  const sum = { deleted: 0, stood: 0, kills: 0, rebuilds: 0, reparsed: 0 };
  for (let seed = first; seed <= last; seed += 1) {
    try {
      await run(seed, sum);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  console.log(JSON.stringify(sum));
  if (only === undefined) expect(Math.min(...Object.values(sum))).toBeGreaterThan(seeds);
});

async function run(
  seed: number,
  sum: { deleted: number; stood: number; kills: number; rebuilds: number; reparsed: number },
): Promise<void> {
  const random = prng(seed);
  const world = new KeepingWorld(random);
  await world.open();
  for (let step = 0; step < steps; step += 1) {
    const draw = below(random, 22);
    if (draw < 6) await world.receive();
    else if (draw < 8) await world.say();
    else if (draw === 8) await world.hold();
    else if (draw < 11) await world.lift();
    else if (draw === 11) await world.erase();
    else if (draw < 14) await world.passDays(1 + below(random, 6));
    else if (draw < 16) await world.deleteDue();
    else if (draw < 18) await world.night();
    else if (draw === 18) {
      await world.kill();
      sum.kills += 1;
    } else if (draw > 19) await world.reparse();
    else {
      const before = await pictureOf(world);
      await world.rebuild();
      const after = await pictureOf(world);
      must(isDeepStrictEqual(after, before), () => `rebuild at step ${step}: ${JSON.stringify([before, after])}`);
      sum.rebuilds += 1;
    }
    if (draw === 14 || draw === 15 || draw > 16) await check(world, step);
  }
  for (let night = 0; night < 4; night += 1) await world.night();
  await check(world, steps);
  sum.deleted += world.deleted;
  sum.reparsed += world.reparsed;
  sum.stood += [...world.known.values()].filter(({ goneAt }) => goneAt === null).length;
}

async function check(world: KeepingWorld, step: number): Promise<void> {
  const { store } = world;
  for (const { id, goneAt, erased, intakeIds } of world.known.values()) {
    const entry = await store.messages.get(id);
    must(
      (entry === undefined) === (goneAt !== null),
      () => `step ${step}: ${id} ${goneAt === null ? 'is gone' : 'stands'}`,
    );
    if (entry === undefined) {
      const gone = await store.messages.goneOf(id);
      must(gone?.rule === (erased ? 'erasure' : 'retention'), () => `step ${step}: ${id} is gone by ${gone?.rule}`);
    } else await isWhole(world, entry, intakeIds);
    for (const intakeId of intakeIds) {
      const state = (await store.intake.get(intakeId))?.state;
      must(state === 'archived' || state === 'matched', () => `step ${step}: ${intakeId} is ${state}`);
    }
  }
  const rows = await store.ledger();
  const sum = (name: 'received' | 'archived' | 'matched'): number => rows.reduce((total, row) => total + row[name], 0);
  const all = [...world.known.values()].reduce((total, { intakeIds }) => total + intakeIds.length, 0);
  must(sum('received') === all && sum('archived') + sum('matched') === all, () => `step ${step}: the account is off`);
}

/** All that was observed of it, and its bytes. */
async function isWhole(world: KeepingWorld, entry: ArchiveEntry, intakeIds: readonly string[]): Promise<void> {
  const { store } = world;
  const seen = entry.observations.map(({ intakeId }) => intakeId);
  must(isDeepStrictEqual(seen, intakeIds.toSorted()), () => `${entry.id} has ${seen}, not ${intakeIds}`);
  for (const { intakeId, recipients, representations } of entry.observations) {
    const [{ address } = { address: '' }] = recipients;
    must(address === world.addressOf(intakeId), () => `${entry.id} lost what ${intakeId} said`);
    for (const { body, sha256: hash } of representations) {
      const bytes = await value(store.bodies.read(body, 'identity', hash));
      must(
        sha256(bytes) === hash && Buffer.from(bytes).toString().startsWith(intakeId),
        () => `${intakeId}: other bytes`,
      );
    }
  }
  const [first = ''] = seen;
  for (const [parser, expected] of [
    [undefined, 1],
    [world.parsers.has(first) ? 0 : -1, 0],
  ] as const) {
    const to = world.addressOf(first, parser);
    const { items } = await store.messages.find({ limit: 500, cursor: undefined, to });
    must(items.length === expected, () => `${entry.id} is found ${items.length} times by ${to}`);
  }
}

async function pictureOf({ store }: KeepingWorld): Promise<unknown> {
  const all = { limit: 5_000, cursor: undefined };
  return {
    entries: await store.messages.find(all),
    intake: await store.intake.find(all),
    events: await store.events.find(all),
    holds: await store.holds.all(),
    ledger: await store.ledger(),
    figures: ['short', 'long', 'ever'].map((id) => store.figuresOf(id)),
  };
}
