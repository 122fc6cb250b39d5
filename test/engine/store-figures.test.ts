import { expect, test } from 'vitest';
import { storeFigures } from '../../src/engine/store-figures.ts';
import { openStoreFixture, type StoreKind } from '../support/store-fixture.ts';

const day = 86_400_000;

async function open(kind: StoreKind = 'segments', logBytes = async () => 0) {
  const fixture = await openStoreFixture(kind);
  const { store, dataDir, clock } = fixture;
  const options = { dataDir, store: { bytes: kind === 'leveldb' ? 'leveldb' : 'segments', minimumFreeBytes: 1_000 } };
  return { fixture, figures: storeFigures({ store, options, logBytes, clock: { now: () => clock.at } } as never) };
}

test('growth is that of the last seven days, and says how long there is room', async () => {
  const { fixture, figures } = await open();
  await using _ = fixture;
  const { clock } = fixture;
  expect((await figures()).growth).toBeNull();
  for (let n = 0; n < 30; n += 1) {
    clock.at += day;
    await fixture.take(`message ${n} ${'x'.repeat(1_000)}`);
  }
  clock.at += 60_000;
  const { growth, disk, bytes, records, segments, lastHead } = await figures();
  expect([records, segments, lastHead]).toEqual([30, 1, null]);
  // The message of just now, and one for each day before.
  expect(growth).toMatchObject({ days: 7, records: 7 });
  expect(growth!.bytesPerDay).toBe(Math.round(((7 / 30) * (bytes.log + bytes.index)) / 7));
  const room = disk.freeBytes - disk.minimumFreeBytes;
  expect(growth!.daysLeft).toBeCloseTo(room / growth!.bytesPerDay, 6);
});

test('a young archive tells of the days there are, one at rest of no end, and the first hour of nothing', async () => {
  const { fixture, figures } = await open('leveldb');
  await using _ = fixture;
  await fixture.take('first');
  fixture.clock.at += 50 * 60_000;
  expect((await figures()).growth).toBeNull();
  fixture.clock.at += 2 * day - 50 * 60_000;
  await fixture.take('second');
  expect(await figures()).toMatchObject({ segments: null, growth: { days: 2, records: 2 } });
  fixture.clock.at += 20 * day;
  expect((await figures()).growth).toEqual({ days: 7, records: 0, bytesPerDay: 0, daysLeft: null });
});

test('who asks again within half a minute is told the same', async () => {
  const { fixture, figures } = await open();
  await using _ = fixture;
  const before = await figures();
  await fixture.take('one');
  expect(await figures()).toBe(before);
  fixture.clock.at += 30_000;
  expect((await figures()).records).toBe(1);
});

test('a log that lies elsewhere is counted with what it takes there', async () => {
  const { fixture, figures } = await open('segments', async () => 5_000_000);
  await using _ = fixture;
  await fixture.take('first');
  const { log } = (await figures()).bytes;
  expect([log > 5_000_000, log < 6_000_000]).toEqual([true, true]);
});
