import { expect, test } from 'vitest';
import type { ArchiveEntry, Verdict } from '../../streams/message.ts';
import { archiveMail, deleteDue } from '../support/kept-mail.ts';
import { openStoreFixture, parsedItem, type StoreFixture, value } from '../support/store-fixture.ts';
import { day, observationOf } from '../support/stream-shapes.ts';

const event = (type: string) =>
  ({ type, severity: 'info', actor: 'op', definitionId: null, intakeId: null, entryId: null, data: {} }) as const;
const key = 'mid:<same@x>';

/** Settles what is due as the line does: it joins what stands under its key, or makes an entry. */
async function settleDue(fixture: StoreFixture, collide = false): Promise<void> {
  const items = await fixture.due();
  const requests = items.map((item) => {
    const parsed = parsedItem(item, { messageId: '<same@x>' });
    const { representations } = parsed.parsed;
    const observation = observationOf(item.intakeId, { receivedAt: item.receivedAt, representations });
    const decide = ([stands]: readonly ArchiveEntry[]): Verdict =>
      stands === undefined || collide
        ? { kind: 'insert', observation, collidesWith: stands === undefined ? [] : [stands.id] }
        : { kind: 'merge', entryId: stands.id, case: 'M1', observation, noop: false, learnt: {} };
    return { item: parsed, keys: [key], decide };
  });
  await value(fixture.store.archive.settle(requests));
}

test('a copy that comes while its entry is deleted joins it before, or makes one of its own after; nothing breaks', async () => {
  for (let round = 0; round < 20; round += 1) {
    await using fixture = await openStoreFixture();
    await fixture.store.retention.keep('exchange', day);
    await fixture.take('first');
    await settleDue(fixture);
    for (let at = 0; at < 8; at += 1) {
      fixture.clock.at += day;
      await fixture.store.retention.look(fixture.clock.at);
    }
    const copy = await fixture.take('copy');
    const both = [() => settleDue(fixture), () => deleteDue(fixture)] as const;
    await Promise.all(round % 2 === 0 ? [both[0](), both[1]()] : [both[1](), both[0]()]);
    const { state, entryId } = (await fixture.store.intake.get(copy))!;
    const entries = (await value(fixture.store.archive.lookup([key])))[0]!;
    // Joined before: it is kept from its last copy on. After: an entry of its own.
    expect([entries.length, entries[0]?.id]).toEqual([1, entryId]);
    expect(entries[0]?.observations.some(({ intakeId }) => intakeId === copy)).toBe(true);
    expect(['archived', 'matched']).toContain(state);
    await fixture.reopen({ rebuild: true });
    expect((await value(fixture.store.archive.lookup([key])))[0]).toEqual(entries);
  }
});

test('a hold that is placed while a pass runs keeps what the pass has not come to', async () => {
  await using fixture = await openStoreFixture();
  const { retention, holds, messages } = fixture.store;
  await retention.keep('exchange', day);
  const ids: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    ids.push(
      ...(await archiveMail(
        fixture,
        Array.from({ length: 100 }, (_, n) => ({ word: `w${at}-${n}` })),
      )),
    );
  }
  for (let at = 0; at < 8; at += 1) {
    fixture.clock.at += day;
    await retention.look(fixture.clock.at);
  }
  const counts: number[] = [];
  for await (const some of retention.due(fixture.clock.at)) {
    counts.push(some);
    if (counts.length > 1) continue;
    const hold = { id: 'all', reason: 'r', query: {}, entryIds: [], placedBy: 'op' };
    await holds.place(hold, event('hold.placed'));
  }
  expect(counts).toEqual([200, 0]);
  const standing = await Promise.all(ids.map(async (id) => (await messages.get(id)) !== undefined));
  expect(standing.filter(Boolean)).toHaveLength(100);
});

test('of two entries under one key the other is still found when one is deleted', async () => {
  await using fixture = await openStoreFixture();
  const { store } = fixture;
  const [first] = [await fixture.take('first')];
  await settleDue(fixture);
  const second = await fixture.take('second');
  await settleDue(fixture, true);
  expect((await value(store.archive.lookup([key])))[0]?.map(({ id }) => id)).toEqual([first, second]);
  await store.retention.erase(first!, event('message.erased'));
  // By the way of mail, which first asks whether there is any under the key.
  const copy = await fixture.take('copy');
  await settleDue(fixture);
  expect(await store.intake.get(copy)).toMatchObject({ state: 'matched', entryId: second });
});
