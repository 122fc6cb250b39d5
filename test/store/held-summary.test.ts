import { expect, test } from 'vitest';
import type { AgeClock } from '../../streams/message.ts';
import { openStoreFixture, parsedItem, type StoreFixture, value } from '../support/store-fixture.ts';
import { day, minute, noTimes } from '../support/stream-shapes.ts';

/** Takes a message for the definition in and holds it: dated so many days before the clock, its clock suspect or not. */
async function hold(fixture: StoreFixture, ageDays: number, { skewed = false, definitionId = 'exchange' } = {}) {
  const id = await fixture.take(`${ageDays} days`, { definitionId });
  const [item] = await fixture.due(definitionId);
  const messageTime = fixture.clock.at - ageDays * day;
  const clock: AgeClock = { ...noTimes, date: messageTime, messageTime };
  const flags = skewed ? ['suspected-clock-skew'] : [];
  const parsed = parsedItem(item!, { messageId: `<${id}@x>`, flags });
  const verdict = { kind: 'end', outcome: 'held', reason: 'expired', clock } as const;
  await value(fixture.store.archive.settle([{ item: parsed, keys: [], decide: () => verdict }]));
  return id;
}
const eventsOf = async ({ store }: StoreFixture, type: string) =>
  (await store.events.find({ limit: 500, cursor: undefined, type })).items;
const summaries = (fixture: StoreFixture) => eventsOf(fixture, 'item.held-summary');
/** Summaries are made when the store is asked at this time. */
async function askAt(fixture: StoreFixture, at: number): Promise<void> {
  fixture.clock.at = at;
  await fixture.store.housekeeping.summariseHeld(at);
}
const iso = (at: number): string => new Date(at).toISOString();

test('S17 a day on which items were held ends in one event: how many, dated from when to when, and what is suspect', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  const midnight = start + day / 2;
  await hold(fixture, 31);
  fixture.clock.at += minute;
  await hold(fixture, 400, { skewed: true });
  fixture.clock.at += minute;
  await hold(fixture, 32);
  await askAt(fixture, midnight - 1);
  expect(await summaries(fixture)).toEqual([]);
  await askAt(fixture, midnight);
  expect(await summaries(fixture)).toMatchObject([
    {
      at: midnight,
      severity: 'warning',
      actor: 'engine',
      definitionId: 'exchange',
      data: {
        count: 3,
        suspectedClockSkew: 1,
        from: iso(start + minute - 400 * day),
        to: iso(start - 31 * day),
        since: iso(start),
        until: iso(start + 2 * minute),
        stillHeld: 3,
      },
    },
  ]);
});

test('S17 a day without held items is not told of, a later one counts from anew, and each definition has its own', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  await hold(fixture, 31);
  await askAt(fixture, start + day);
  for (const days of [2, 3]) await askAt(fixture, start + days * day);
  expect(await summaries(fixture)).toHaveLength(1);
  await hold(fixture, 50);
  await hold(fixture, 60, { definitionId: 'other' });
  await askAt(fixture, start + 4 * day);
  const [two, one] = await summaries(fixture);
  expect([one, two].map((event) => [event?.definitionId, event?.data['count'], event?.data['stillHeld']])).toEqual([
    ['exchange', 1, 2],
    ['other', 1, 1],
  ]);
});

test('S17 neither a restart nor a rebuilt index repeats a summary or loses what it has to count', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  await hold(fixture, 31);
  for (const rebuild of [false, true]) {
    await fixture.reopen({ rebuild });
    await hold(fixture, 32);
  }
  await askAt(fixture, start + day);
  for (const rebuild of [false, true]) {
    await fixture.reopen({ rebuild });
    await askAt(fixture, start + 2 * day);
    expect((await summaries(fixture)).map(({ data }) => data['count'])).toEqual([3]);
  }
});

test('S17 held items are told of one by one at most every ten minutes, each with the time it was judged by', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  const first = await hold(fixture, 31);
  fixture.clock.at = start + 10 * minute - 1;
  await hold(fixture, 32);
  fixture.clock.at = start + 10 * minute;
  const third = await hold(fixture, 33);
  const events = await eventsOf(fixture, 'item.held');
  expect(events.map(({ intakeId }) => intakeId)).toEqual([third, first]);
  expect(events[1]?.data).toEqual({ reason: 'expired', flags: [], messageTime: iso(start - 31 * day) });
  expect(await fixture.store.intake.get(first)).toMatchObject({ clock: { date: start - 31 * day } });
});
