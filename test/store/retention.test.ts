import { describe, expect, test } from 'vitest';
import { verifyData } from '../../src/engine/verification.ts';
import { openReading } from '../../src/store/encryption.ts';
import { graceMs } from '../../src/store/keep-period.ts';
import { archiveMail, deleteDue, filesWith, indexOf } from '../support/kept-mail.ts';
import { masterKey } from '../support/master-keys.ts';
import { openStoreFixture, parsedItem, type StoreFixture, sha256, value } from '../support/store-fixture.ts';
import { day, observationOf } from '../support/stream-shapes.ts';

const event = (type: string, entryId: string | null = null) =>
  ({ type, severity: 'info', actor: 'op', definitionId: null, intakeId: null, entryId, data: {} }) as const;
const holdOf = (id: string, more: object) =>
  ({ id, reason: 'case 7', query: null, entryIds: [], placedBy: 'op', ...more }) as const;
const idsOf = async ({ store }: StoreFixture): Promise<readonly string[]> =>
  (await store.messages.find({ limit: 500, cursor: undefined })).items.map(({ id }) => id).toSorted();

/** Lets days pass, with a sign of life on each, as the engine gives one. */
async function pass(fixture: StoreFixture, days: number): Promise<void> {
  for (let at = 0; at < days; at += 1) {
    fixture.clock.at += day;
    await fixture.store.retention.look(fixture.clock.at);
  }
}
/** Lets the nights come in which deleted mail leaves the disk. */
async function nights(fixture: StoreFixture): Promise<void> {
  for (let night = 0; night < 4; night += 1) {
    await pass(fixture, 1);
    const { housekeeping, retention } = fixture.store;
    while ((await housekeeping.dropPurged(fixture.clock.at, 100)) > 0);
    await retention.compact(fixture.clock.at, fixture.clock.at);
  }
}

test('an entry is kept as long as the longest of its definitions says, and for ever where a hold is on it', async () => {
  await using fixture = await openStoreFixture();
  const { retention, holds } = fixture.store;
  await retention.keep('short', 10 * day);
  await retention.keep('long', 30 * day);
  const first = { definitionId: 'short' };
  const [short, shortLong, shortEver, long, heldById, heldByQuery] = await archiveMail(
    fixture,
    ['a', 'b', 'c', 'd', 'e', 'f'].map((word, at) => ({ word, ...(at === 3 ? { definitionId: 'long' } : first) })),
  );
  await archiveMail(fixture, [{ word: 'b', definitionId: 'long', into: shortLong! }]);
  await archiveMail(fixture, [{ word: 'c', definitionId: 'ever', into: shortEver! }]);
  await holds.place(holdOf('by-id', { entryIds: [heldById] }), event('hold.placed'));
  await holds.place(holdOf('by-query', { query: { mailbox: 'F.reader@north.example' } }), event('hold.placed'));
  const all = [short, shortLong, shortEver, long, heldById, heldByQuery];
  const start = fixture.clock.at;
  const gone: Record<number, readonly (string | undefined)[]> = {};
  for (let days = 0; days <= 40; days += 1) {
    const before = await idsOf(fixture);
    await deleteDue(fixture);
    const after = await idsOf(fixture);
    const left = before.filter((id) => !after.includes(id));
    if (left.length > 0) gone[(fixture.clock.at - start) / day] = left;
    await pass(fixture, 1);
  }
  expect(gone).toEqual({ 10: [short], 30: [shortLong, long].toSorted() });
  await holds.lift('by-id', event('hold.lifted'));
  expect(await deleteDue(fixture)).toBe(1);
  expect(await idsOf(fixture)).toEqual(all.filter((id) => id === shortEver || id === heldByQuery));
});

test('mail is kept to the millisecond of its last copy plus the period, and what came without one for ever', async () => {
  await using fixture = await openStoreFixture();
  await fixture.store.retention.keep('exchange', 10 * day);
  const [entry] = await archiveMail(fixture, [{ word: 'first' }]);
  await pass(fixture, 4);
  await archiveMail(fixture, [{ word: 'first', into: entry! }]);
  await archiveMail(fixture, [{ word: 'other', definitionId: 'ever' }]);
  await pass(fixture, 9);
  fixture.clock.at += day - 1;
  expect(await deleteDue(fixture)).toBe(0);
  fixture.clock.at += 1;
  expect(await deleteDue(fixture)).toBe(1);
  await pass(fixture, 1_000);
  expect(await deleteDue(fixture)).toBe(0);
});

test('a shorter period counts a week after it was said, and one taken back in time not at all', async () => {
  await using fixture = await openStoreFixture();
  await archiveMail(fixture, [{ word: 'old' }]);
  await pass(fixture, 100);
  await fixture.store.retention.keep('exchange', day);
  fixture.clock.at += graceMs - 1;
  expect(await deleteDue(fixture)).toBe(0);
  await fixture.store.retention.keep('exchange', null);
  await pass(fixture, 8);
  expect(await deleteDue(fixture)).toBe(0);
  await fixture.store.retention.keep('exchange', day);
  await pass(fixture, 7);
  expect(await deleteDue(fixture)).toBe(1);
});

describe.each(['segments', 'leveldb'] as const)('deleted mail in %s', (bytes) => {
  test('leaves every file within days, the account, the chain and all other mail as they were', async () => {
    await using fixture = await openStoreFixture(bytes);
    const { store, dataDir } = fixture;
    await store.retention.keep('exchange', 10 * day);
    const [gone, kept] = await archiveMail(fixture, [{ word: 'CanaryGone' }, { word: 'kept' }]);
    const [joined] = await archiveMail(fixture, [{ word: 'canarygone', into: gone! }]);
    const [big] = await archiveMail(fixture, [{ word: 'CanaryGone', times: 70_000 }]);
    await fixture.store.holds.place(holdOf('case', { entryIds: [kept] }), event('hold.placed'));
    await pass(fixture, 10);
    const pieces = (await store.intake.get(big!))!.body.length;
    expect(pieces).toBeGreaterThan(2);
    const ledger = await store.ledger();
    const proof = await store.evidence.path((await store.evidence.seqOf(kept!))!, 12);
    expect(await deleteDue(fixture)).toBe(2);
    expect(await store.messages.goneOf(gone!)).toMatchObject({ rule: 'retention', deletedAt: fixture.clock.at });
    expect((await filesWith(fixture, 'canarygone')).length).toBeGreaterThan(0);
    await nights(fixture);
    expect(await filesWith(fixture, 'canarygone')).toEqual([]);
    expect(await store.ledger()).toEqual(ledger);
    expect(store.figuresOf('exchange')).toMatchObject({
      received: 4,
      archived: 3,
      matched: 1,
      deleted: { retention: 3 },
    });
    for (const id of [gone!, joined!, big!]) {
      const record = await store.intake.get(id);
      expect(record?.steps.map(({ step }) => step).slice(-1)).toEqual(['deleted']);
      expect(record).toMatchObject({ size: expect.any(Number), transport: { mailFrom: null, rcptTo: [] } });
      for (const { seq } of record!.body) {
        await expect(store.log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
      }
    }
    expect(await store.evidence.path((await store.evidence.seqOf(kept!))!, 12)).toEqual(proof);
    const [entry] = (await store.messages.find({ limit: 9, cursor: undefined, subject: 'kept' })).items;
    const { body, sha256: hash } = entry!.observations[0]!.representations[0]!;
    expect(sha256(await value(store.bodies.read(body, 'identity', hash)))).toBe(hash);
    await fixture.reopen({ rebuild: true });
    expect(await fixture.store.messages.get(kept!)).toEqual(entry);
    await fixture.store[Symbol.asyncDispose]();
    const { faults, deleted } = await verifyData({ dataDir, bytes, upTo: null });
    expect(faults.filter(({ file }) => file !== 'evidence.pub')).toEqual([]);
    // Three messages, one of them in more than one piece, and the three records that told of them.
    expect(deleted).toBe(3 + 2 + pieces);
  });

  test('an index made anew is the same at every step, key by key', async () => {
    await using fixture = await openStoreFixture(bytes);
    await fixture.store.retention.keep('exchange', 10 * day);
    await fixture.store.retention.keep('other', 20 * day);
    const [gone, merged, kept] = await archiveMail(fixture, [{ word: 'one' }, { word: 'two' }, { word: 'three' }]);
    const twice = (await fixture.store.messages.get(kept!))!.observations[0]!.representations[0]!.sha256;
    await archiveMail(fixture, [
      { word: 'two', definitionId: 'other', into: merged! },
      { word: 'three', definitionId: 'ever', into: kept!, learnt: { [twice]: 'c'.repeat(64) } },
      { word: 'one', into: gone! },
    ]);
    const same = async (): Promise<void> => {
      await fixture.store[Symbol.asyncDispose]();
      const live = await indexOf(fixture.dataDir);
      await fixture.reopen({ rebuild: true });
      await fixture.store[Symbol.asyncDispose]();
      expect(await indexOf(fixture.dataDir)).toEqual(live);
      await fixture.reopen();
    };
    await pass(fixture, 10);
    expect(await deleteDue(fixture)).toBe(1);
    await same();
    await nights(fixture);
    await same();
    // A copy that joins what was told again, and learns of it.
    await archiveMail(fixture, [{ word: 'three', into: kept!, learnt: { [twice]: 'c'.repeat(64) } }]);
    await pass(fixture, 10);
    expect(await deleteDue(fixture)).toBe(1);
    await nights(fixture);
    await same();
    const entry = await fixture.store.messages.get(kept!);
    const known = entry?.observations.flatMap(({ representations }) => representations.map((each) => each.contentHash));
    expect(known).toEqual(['c'.repeat(64), 'c'.repeat(64), 'c'.repeat(64)]);
    expect(await idsOf(fixture)).toEqual([kept]);
    expect(await filesWith(fixture, 'two')).toEqual([]);
  });
});

test.each([
  ['encrypted segments', 'segments'],
  ['encrypted leveldb', 'leveldb'],
] as const)('in %s the key of a deleted mail goes with the tombstone, before its bytes do', async (kind, bytes) => {
  await using fixture = await openStoreFixture(kind);
  const { store, dataDir } = fixture;
  await store.retention.keep('exchange', 10 * day);
  const [gone, kept] = await archiveMail(fixture, [{ word: 'CanaryGone' }, { word: 'kept' }]);
  await store.holds.place(holdOf('case', { entryIds: [kept] }), event('hold.placed'));
  await pass(fixture, 10);
  const { seq } = (await store.intake.get(gone!))!.body[0]!;
  expect((await store.log.slice(seq, 0, 1)).length).toBe(1);
  expect(await deleteDue(fixture)).toBe(1);
  await expect(store.log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
  const find = async (subject: string) =>
    (await fixture.store.messages.find({ limit: 9, cursor: undefined, subject })).items.map(({ id }) => id);
  expect([await find('CanaryGone'), await find('kept')]).toEqual([[], [kept]]);
  const entry = await store.messages.get(kept!);
  await nights(fixture);
  for (const rebuild of [false, true]) {
    await fixture.reopen({ rebuild });
    expect(await fixture.store.messages.get(kept!)).toEqual(entry);
    expect([await find('CanaryGone'), await find('kept')]).toEqual([[], [kept]]);
    await expect(fixture.store.log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
    const { body, sha256: hash } = entry!.observations[0]!.representations[0]!;
    expect(sha256(await value(fixture.store.bodies.read(body, 'identity', hash)))).toBe(hash);
  }
  await fixture.store[Symbol.asyncDispose]();
  const reading = await openReading(dataDir, masterKey());
  const { faults, deleted, unread } = await verifyData({ dataDir, bytes, reading, upTo: null });
  expect(faults.filter(({ file }) => file !== 'evidence.pub')).toEqual([]);
  expect({ deleted, unread }).toEqual({ deleted: 2, unread: 0 });
});

test('a kill between the tombstone and the drop only drops again', async () => {
  await using fixture = await openStoreFixture();
  await fixture.store.retention.keep('exchange', 10 * day);
  await archiveMail(fixture, [{ word: 'canary' }]);
  await pass(fixture, 10);
  expect(await deleteDue(fixture)).toBe(1);
  for (const rebuild of [false, true]) {
    await fixture.reopen({ rebuild });
    expect(await idsOf(fixture)).toEqual([]);
  }
  // Off the disk, and nobody has written so.
  fixture.clock.at += day;
  await fixture.store.log.drop(new Set([2, 3]));
  await fixture.reopen({ rebuild: true });
  await nights(fixture);
  expect(await filesWith(fixture, 'canary')).toEqual([]);
  expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 9 * day, 100)).toBe(0);
});

describe('an erasure', () => {
  test('takes one entry before its time, says so, and leaves what came in the same window', async () => {
    await using fixture = await openStoreFixture();
    const { retention, messages, events } = fixture.store;
    const [gone, kept] = await archiveMail(fixture, [{ word: 'canary' }, { word: 'kept' }]);
    expect(await retention.erase(gone!, event('message.erased', gone!))).toEqual({ kind: 'done' });
    expect(await messages.get(gone!)).toBeUndefined();
    expect(
      (await messages.find({ limit: 9, cursor: undefined, mailbox: 'canary.reader@north.example' })).items,
    ).toEqual([]);
    expect((await events.find({ limit: 1, cursor: undefined })).items[0]).toMatchObject({ type: 'message.erased' });
    const again = await retention.erase(gone!, event('message.erased', gone!));
    expect(again).toEqual({ kind: 'gone', gone: expect.objectContaining({ rule: 'erasure' }) });
    expect(await retention.erase('nobody', event('message.erased'))).toEqual({ kind: 'unknown' });
    await nights(fixture);
    expect(await filesWith(fixture, 'canary')).toEqual([]);
    for (const rebuild of [false, true]) {
      await fixture.reopen({ rebuild });
      expect((await fixture.store.messages.get(kept!))?.observations[0]?.sender).toBe('kept@north.example');
    }
  });

  test('is refused while a hold is on the entry, also one placed before it came', async () => {
    await using fixture = await openStoreFixture();
    const { retention, holds, messages } = fixture.store;
    await holds.place(holdOf('later', { query: { subject: 'about secret' } }), event('hold.placed'));
    expect(await holds.place(holdOf('later', {}), event('hold.placed'))).toBe('exists');
    const [entry] = await archiveMail(fixture, [{ word: 'secret' }]);
    expect(await retention.erase(entry!, event('message.erased'))).toEqual({ kind: 'held', holds: ['later'] });
    expect(await holds.on([(await messages.get(entry!))!])).toEqual([['later']]);
    expect(await holds.lift('later', event('hold.lifted'))).toBe('done');
    expect(await holds.lift('later', event('hold.lifted'))).toBe('unknown');
    expect(await retention.erase(entry!, event('message.erased'))).toEqual({ kind: 'done' });
  });

  test('keeps bytes that another record of the transaction needs, until that is deleted as well', async () => {
    await using fixture = await openStoreFixture();
    const { store } = fixture;
    const id = await fixture.take('shared canary', { alsoFor: ['other'] });
    for (const definitionId of ['exchange', 'other']) {
      const [item] = await fixture.due(definitionId);
      const parsed = parsedItem(item!, { messageId: `<${definitionId}@x>` });
      const { representations } = parsed.parsed;
      const observation = observationOf(item!.intakeId, { definitionId, representations });
      const insert = { kind: 'insert', observation, collidesWith: [] } as const;
      await value(store.archive.settle([{ item: parsed, keys: [], decide: () => insert }]));
    }
    await store.retention.erase(id, event('message.erased'));
    await nights(fixture);
    const other = (await store.intake.get(`${id}-other`))!;
    expect(Buffer.from(await value(store.bodies.read(other.body, 'identity', other.sha256))).toString()).toBe(
      'shared canary',
    );
    await store.retention.erase(`${id}-other`, event('message.erased'));
    await nights(fixture);
    expect(await filesWith(fixture, 'shared canary')).toEqual([]);
  });

  test('makes room for the same message: a copy that comes later is a new entry', async () => {
    await using fixture = await openStoreFixture();
    const { store } = fixture;
    const [gone] = await archiveMail(fixture, [{ word: 'again' }]);
    await store.retention.erase(gone!, event('message.erased'));
    expect(await value(store.archive.lookup(['mid:<again@id.example>']))).toEqual([[]]);
    const [back] = await archiveMail(fixture, [{ word: 'again' }]);
    expect(await idsOf(fixture)).toEqual([back]);
    expect((await value(store.archive.lookup(['mid:<again@id.example>'])))[0]).toHaveLength(1);
  });
});

describe('a clock that leapt ahead', () => {
  const years = 3 * 365 * day;
  test('deletes nothing, whatever is restarted in between, until it is back', async () => {
    await using fixture = await openStoreFixture();
    await fixture.store.retention.keep('exchange', 10 * day);
    const start = fixture.clock.at;
    await archiveMail(fixture, [{ word: 'mail' }]);
    await pass(fixture, 8);
    fixture.clock.at = start + years;
    expect(await deleteDue(fixture)).toBe(0);
    await archiveMail(fixture, [{ word: 'later' }]);
    for (const rebuild of [false, true]) {
      await fixture.reopen({ rebuild });
      await fixture.store.retention.look(fixture.clock.at);
      expect(await deleteDue(fixture)).toBe(0);
      expect(fixture.store.retention.leapAt(fixture.clock.at)).toMatchObject({ from: start + 8 * day });
    }
    fixture.clock.at = start + 9 * day;
    await archiveMail(fixture, [{ word: 'back' }]);
    expect(fixture.store.retention.leapAt(fixture.clock.at)).toBeNull();
    expect(await deleteDue(fixture)).toBe(0);
    fixture.clock.at = start + 10 * day;
    expect(await deleteDue(fixture)).toBe(1);
  });

  test('goes on where somebody says that it is right, as after weeks in which the engine stood', async () => {
    await using fixture = await openStoreFixture();
    await fixture.store.retention.keep('exchange', 10 * day);
    await archiveMail(fixture, [{ word: 'mail' }]);
    fixture.clock.at += 40 * day;
    expect(await deleteDue(fixture)).toBe(0);
    await fixture.store.retention.resume(event('retention.resumed'));
    expect(await deleteDue(fixture)).toBe(1);
    await fixture.reopen();
    expect(fixture.store.retention.leapAt(fixture.clock.at)).toBeNull();
  });
});

test('what was deleted by its time is told of once for each definition and day', async () => {
  await using fixture = await openStoreFixture();
  const { retention, events } = fixture.store;
  await retention.keep('exchange', 10 * day);
  await archiveMail(fixture, [{ word: 'one' }, { word: 'two' }]);
  await pass(fixture, 10);
  await deleteDue(fixture);
  const told = async () => (await events.find({ limit: 9, cursor: undefined, type: 'retention.deleted' })).items;
  await retention.summarise(fixture.clock.at);
  expect(await told()).toEqual([]);
  await pass(fixture, 1);
  await retention.summarise(fixture.clock.at);
  await retention.summarise(fixture.clock.at);
  expect(await told()).toMatchObject([{ definitionId: 'exchange', data: { count: 2 } }]);
});
