import { expect, test } from 'vitest';
import { createArchiveApi } from '../../src/engine/archive-api.ts';
import { countedAtMost, releaseAll } from '../../src/engine/release-all.ts';
import type { BulkQuery } from '../../src/http/api.types.ts';
import type { IntakeRecord } from '../../streams/ports.ts';
import { openStoreFixture, parsedItem, type StoreFixture, value } from '../support/store-fixture.ts';
import { day, itemOf } from '../support/stream-shapes.ts';

const by = { actor: 'the-operator', reason: null };
const held = { kind: 'end', outcome: 'held', reason: 'expired' } as const;
const skipped = { kind: 'end', outcome: 'skipped', reason: 'non-internal' } as const;

/** Takes messages in and ends each; every second one has the flag of a suspect clock. */
async function endAll(fixture: StoreFixture, count: number, verdict: typeof held | typeof skipped = held) {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push(await fixture.take(`message ${n}`));
  const items = await fixture.due();
  const requests = items.map((item, n) => {
    const flags = n % 2 === 0 ? [] : ['suspected-clock-skew'];
    return { item: parsedItem(item, { messageId: `<${n}@x>`, flags }), keys: [], decide: () => verdict };
  });
  await value(fixture.store.archive.settle(requests));
  return ids;
}
const release = ({ store }: StoreFixture, wanted: Partial<BulkQuery> = {}) =>
  createArchiveApi(store).releaseAll({ state: 'held', limit: 500, ...wanted }, by);
const statesOf = ({ store }: StoreFixture, ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await store.intake.get(id))?.state));
/** Conservation (INV-3). */
const differenceOf = ({ store }: StoreFixture): number => {
  const { received, archived, matched, skipped, held, quarantined, queueMessages } = store.figuresOf('exchange');
  return received - (archived + matched + skipped + held + quarantined + queueMessages);
};

test('S17 each release is a command and an event of its own, and the account adds up before and after', async () => {
  await using fixture = await openStoreFixture();
  const ids = await endAll(fixture, 60);
  expect(await release(fixture)).toEqual({ released: 60, remaining: 0 });
  expect(new Set(await statesOf(fixture, ids))).toEqual(new Set(['received']));
  expect(fixture.store.figuresOf('exchange')).toMatchObject({ received: 60, held: 0, queueMessages: 60 });
  expect(differenceOf(fixture)).toBe(0);
  const { items } = await fixture.store.events.find({ limit: 500, cursor: undefined, type: 'item.released' });
  expect(new Set(items.map(({ intakeId }) => intakeId))).toEqual(new Set(ids));
  expect(new Set(items.map(({ actor }) => actor))).toEqual(new Set(['the-operator']));
  await fixture.reopen({ rebuild: true });
  expect(fixture.store.figuresOf('exchange')).toMatchObject({ held: 0, queueMessages: 60 });
  expect((await fixture.due()).map(({ overrides }) => overrides)).toEqual(ids.map(() => ['age']));
});

test('S17 a call takes no more than its limit and says how many remain', async () => {
  await using fixture = await openStoreFixture();
  const ids = await endAll(fixture, 7);
  expect(await release(fixture, { limit: 3 })).toEqual({ released: 3, remaining: 4 });
  expect((await statesOf(fixture, ids)).filter((state) => state === 'held')).toHaveLength(4);
  expect(await release(fixture, { limit: 3 })).toEqual({ released: 3, remaining: 1 });
  expect(await release(fixture, { limit: 3 })).toEqual({ released: 1, remaining: 0 });
  expect(await release(fixture)).toEqual({ released: 0, remaining: 0 });
});

test('S17 only what fits every filter is released', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  const early = await endAll(fixture, 4);
  fixture.clock.at += day;
  const late = await endAll(fixture, 4);
  const nothing = { released: 0, remaining: 0 };
  for (const wanted of [{ definition: 'other' }, { reason: 'loop' }, { flag: 'x' }, { state: 'skipped' } as const]) {
    expect(await release(fixture, wanted)).toEqual(nothing);
  }
  expect(await release(fixture, { since: start + day + 1 })).toEqual(nothing);
  const wanted = { definition: 'exchange', reason: 'expired', flag: 'suspected-clock-skew', until: start };
  expect(await release(fixture, wanted)).toEqual({ released: 2, remaining: 0 });
  expect(await statesOf(fixture, early)).toEqual(['held', 'received', 'held', 'received']);
  expect(await statesOf(fixture, late)).toEqual(['held', 'held', 'held', 'held']);
  const flagged = await fixture.store.intake.find({ limit: 9, cursor: undefined, flag: 'suspected-clock-skew' });
  expect(flagged.items.map(({ intakeId }) => intakeId)).toEqual([late[3], late[1]]);
});

test('S17 skipped items whose bytes are gone are neither released nor counted as remaining', async () => {
  await using fixture = await openStoreFixture();
  const old = await endAll(fixture, 2, skipped);
  fixture.clock.at += 30 * day;
  await fixture.store.housekeeping.purgeSkipped(fixture.clock.at, 10);
  await endAll(fixture, 3, skipped);
  expect(await release(fixture, { state: 'skipped', limit: 2 })).toEqual({ released: 2, remaining: 1 });
  expect(await release(fixture, { state: 'skipped' })).toEqual({ released: 1, remaining: 0 });
  expect(await statesOf(fixture, old)).toEqual(['skipped', 'skipped']);
  expect(differenceOf(fixture)).toBe(0);
});

test('S17 one whose bytes are gone is refused with the day they went, and its bytes are not offered', async () => {
  await using fixture = await openStoreFixture();
  const [id = ''] = await endAll(fixture, 1, skipped);
  fixture.clock.at += 30 * day;
  const api = createArchiveApi(fixture.store);
  expect(await api.rawIntake(id)).toMatchObject({ size: 9 });
  await fixture.store.housekeeping.purgeSkipped(fixture.clock.at, 10);
  expect(await api.rawIntake(id)).toBeUndefined();
  const refused = await api.release(id, by);
  expect(refused).toMatchObject({ kind: 'refused', state: 'skipped' });
  expect(refused).toHaveProperty('why', expect.stringContaining('deleted on 2026-12-23T12:00:00.000Z'));
});

test('what remains is counted up to a bound, and a record that has left meanwhile is not counted as released', async () => {
  const { state: _, parsed: __, dueAt: ___, ...item } = itemOf('any');
  const records: IntakeRecord[] = Array.from({ length: countedAtMost + 1_700 }, (_each, n) => ({
    ...{ ...item, intakeId: `i${n}`, state: 'held', reason: 'expired', nextAttemptAt: null, entryId: null, flags: [] },
  }));
  let read = 0;
  const find = async ({ limit, cursor }: { limit: number; cursor: string | undefined }) => {
    const from = Number(cursor ?? 0);
    read = from + limit;
    return {
      items: records.slice(from, from + limit),
      next: from + limit < records.length ? String(from + limit) : null,
    };
  };
  const answer = await releaseAll({ find }, { state: 'held', limit: 4 }, async (id) =>
    id === 'i2' ? { kind: 'refused', state: 'archived' } : { kind: 'done', record: records[0]! },
  );
  expect(answer).toEqual({ released: 3, remaining: countedAtMost });
  expect(read).toBeLessThanOrEqual(countedAtMost + 500);
});
