import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leftOut } from '../support/journey-partners.ts';
import { openLife } from './ingest.ts';
import { nothingFound } from './outside.ts';
import { callKinds } from './shim.ts';
import { callsOfLife, changingKinds, killedAt } from './sweep.ts';
import { callsIn, tracedInto } from './trace.ts';

describe.skipIf(leftOut({ programs: ['cc', 'strace'] }))('a kill at a call that changes the data directory', () => {
  /** Points in even steps over the whole life, none the same in two runs. */
  for (const [bytes, points] of [
    ['segments', 3],
    ['leveldb', 1],
    ['encrypted segments', 1],
  ] as const) {
    test(`${points} of one life: nothing promised is lost, doubled or changed (${bytes})`, async () => {
      const calls = await callsOfLife({ bytes }, changingKinds);
      expect(calls).toBeGreaterThan(50);
      const step = calls / points;
      for (let point = 0; point < points; point += 1) {
        const at = 1 + Math.floor((point + Math.random()) * step);
        const met = await killedAt({ bytes }, 'kill', at);
        expect(met ?? { findings: nothingFound, failure: null }, `call ${at} of ${calls}`).toMatchObject({
          findings: nothingFound,
          failure: null,
        });
      }
    }, 120_000);
  }

  test('in the midst of a write', async () => {
    const met = await killedAt({ bytes: 'segments' }, 'tear', 40 + Math.floor(Math.random() * 10));
    expect(met ?? { findings: nothingFound, failure: null }).toMatchObject({ findings: nothingFound, failure: null });
  });

  test.each(['segments', 'leveldb'] as const)('is a point of the sweep, whichever call it is (%s)', async (bytes) => {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-trace-'));
    const file = join(folder, 'trace');
    await using life = await openLife({ bytes, under: () => tracedInto(file) });
    await life.live();
    const counts = await life.shim.counts();
    const traced = callsIn(await readFile(file, 'utf8'), join(life.directory, 'data'));
    await rm(folder, { recursive: true });
    expect(traced.get('sync'), 'the trace has the syncs').toBeGreaterThan(5);
    for (const [kind, count] of traced) {
      const known = callKinds.find((each) => each === kind);
      expect(known, `${count} calls of ${kind} that the shim does not know`).toBeDefined();
      expect(counts[known!], `calls of ${kind} that the shim saw`).toBeGreaterThanOrEqual(count);
    }
  });
});
