import { expect, test } from 'vitest';
import { suspectQuietMs } from '../../streams/figures.ts';
import type { Level, Verdict } from '../../streams/message.ts';
import { openStoreFixture, parsedItem, type StoreFixture, value } from '../support/store-fixture.ts';
import { day, observationOf } from '../support/stream-shapes.ts';

interface Came {
  readonly level?: Level;
  readonly flags?: readonly string[];
  readonly ends?: Extract<Verdict, { kind: 'end' }>;
}
async function settle(fixture: StoreFixture, came: Came): Promise<string> {
  const id = await fixture.take(`${came.level} ${fixture.clock.at} ${came.flags} ${Math.random()}`);
  await end(fixture, id, came);
  return id;
}
async function end(fixture: StoreFixture, id: string, { level = 'L0', flags = [], ends }: Came): Promise<void> {
  const [item] = await fixture.due();
  const parsed = parsedItem(item!, { messageId: `<${id}@x>`, level, flags });
  const { representations } = parsed.parsed;
  const observation = observationOf(id, { definitionId: 'exchange', level, flags, representations });
  const insert = { kind: 'insert', observation, collidesWith: [] } as const;
  await value(fixture.store.archive.settle([{ item: parsed, keys: [], decide: () => ends ?? insert }]));
}
const spoilt = ({ store }: StoreFixture) => store.figuresOf('exchange').spoilt;
const suspect = ({ store }: StoreFixture) => store.figuresOf('exchange').suspect;
const ended = (outcome: 'skipped' | 'quarantined', reason: string): NonNullable<Came['ends']> => ({
  kind: 'end',
  outcome,
  reason,
});

test('items of levels L2 to L5 are known by their place among all, whatever became of them; our own mail is not', async () => {
  await using fixture = await openStoreFixture();
  await settle(fixture, {});
  await settle(fixture, { level: 'L1', flags: ['report-partial'] });
  expect(spoilt(fixture)).toBeUndefined();
  await settle(fixture, { level: 'L2' });
  await settle(fixture, { level: 'L3', flags: ['original-missing'] });
  await settle(fixture, { level: 'L4', ends: ended('skipped', 'non-internal') });
  await settle(fixture, { level: 'L4', flags: ['canary'], ends: ended('skipped', 'canary') });
  await settle(fixture, { level: 'L5', ends: ended('quarantined', 'decode') });
  expect(spoilt(fixture)).toEqual([3, 4, 5, 7]);
  await fixture.reopen();
  expect(spoilt(fixture)).toEqual([3, 4, 5, 7]);
  await fixture.reopen({ rebuild: true });
  expect(spoilt(fixture)).toEqual([3, 4, 5, 7]);
});

test('a report without its original is told of as a stub where it made one, not where it joined what is there', async () => {
  await using fixture = await openStoreFixture();
  const flags = ['original-missing'];
  await settle(fixture, { level: 'L3', flags });
  await fixture.take('again');
  const [item] = await fixture.due();
  const parsed = parsedItem(item!, { messageId: '<1@x>', level: 'L3', flags });
  const observation = observationOf(item!.intakeId, { definitionId: 'exchange', level: 'L3', flags });
  fixture.clock.at += day;
  const merge = { kind: 'merge', entryId: 'intake-0001', case: 'M6', observation, noop: false, learnt: {} } as const;
  await value(fixture.store.archive.settle([{ item: parsed, keys: ['mid:<intake-0001@x>'], decide: () => merge }]));
  const { items } = await fixture.store.events.find({ limit: 10, cursor: undefined, type: 'item.stub' });
  expect(items.map(({ intakeId }) => intakeId)).toEqual(['intake-0001']);
});

test('of those before the last 200 nothing is kept', async () => {
  await using fixture = await openStoreFixture();
  await settle(fixture, { level: 'L4' });
  for (let at = 0; at < 199; at += 1) await settle(fixture, {});
  await settle(fixture, { level: 'L4' });
  expect(spoilt(fixture)).toEqual([201]);
});

test('an item that goes through again is counted for its last end alone', async () => {
  await using fixture = await openStoreFixture();
  const decode = { level: 'L5', ends: ended('quarantined', 'decode') } as const;
  await settle(fixture, {});
  const ids: string[] = [];
  for (let at = 0; at < 3; at += 1) ids.push(await settle(fixture, decode));
  const again = async (came: Came): Promise<void> => {
    for (const id of ids) {
      const event = { type: 'item.retried', severity: 'info', actor: 'ada', definitionId: 'exchange', intakeId: id };
      await fixture.store.definitions.command({
        command: 'retry',
        intakeId: id,
        overrides: ['quarantine'],
        event: { ...event, severity: 'info', entryId: null, data: {} },
      });
      await end(fixture, id, came);
    }
  };
  expect(spoilt(fixture)).toEqual([2, 3, 4]);
  await again(decode);
  expect(spoilt(fixture)).toEqual([5, 6, 7]);
  await fixture.reopen();
  await again(decode);
  expect(spoilt(fixture)).toEqual([8, 9, 10]);
  await fixture.reopen({ rebuild: true });
  await again({});
  expect(spoilt(fixture)).toEqual([]);
});

test('reports from outside are counted until none has come for a week, each told of in the log', async () => {
  await using fixture = await openStoreFixture();
  const { clock } = fixture;
  const [first, flags] = [clock.at, ['report-from-outside']];
  await settle(fixture, { flags });
  clock.at += day;
  await settle(fixture, { flags, ends: ended('skipped', 'non-internal') });
  expect(suspect(fixture)).toEqual({ count: 2, firstAt: first, lastAt: clock.at });
  await fixture.reopen({ rebuild: true });
  expect(suspect(fixture)).toEqual({ count: 2, firstAt: first, lastAt: clock.at });
  clock.at += suspectQuietMs;
  await settle(fixture, { flags });
  expect(suspect(fixture)?.count).toBe(3);
  clock.at += suspectQuietMs + 1;
  await settle(fixture, { flags });
  expect(suspect(fixture)).toEqual({ count: 1, firstAt: clock.at, lastAt: clock.at });
  const { items } = await fixture.store.events.find({ limit: 10, cursor: undefined, type: 'item.suspect-report' });
  expect(items.map(({ severity, data }) => [severity, data])).toEqual(
    ['archived', 'archived', 'skipped', 'archived'].map((outcome) => ['warning', { outcome }]),
  );
});
