import { describe, expect, test } from 'vitest';
import { verifyData } from '../../src/engine/verification.ts';
import { openReading } from '../../src/store/encryption.ts';
import type { Observation } from '../../streams/message.ts';
import { archiveMail, filesWith, indexOf } from '../support/kept-mail.ts';
import { masterKey } from '../support/master-keys.ts';
import { isEncrypted, openStoreFixture, type StoreFixture, storeKinds } from '../support/store-fixture.ts';
import { day, recipientOf } from '../support/stream-shapes.ts';

const event = (type: string) =>
  ({ type, severity: 'info', actor: 'op', definitionId: null, intakeId: null, entryId: null, data: {} }) as const;
const holdOf = (id: string, query: object) => ({ id, reason: 'case 7', query, entryIds: [], placedBy: 'op' }) as const;

/** Puts a newer parse in the place of what stands of an intake; by parser 1 where it says no other. */
async function reparse(
  { store }: StoreFixture,
  intakeId: string,
  { absorbed = false, ...more }: Partial<Observation> & { readonly absorbed?: boolean },
) {
  const { entryId } = (await store.intake.get(intakeId))!;
  const entry = (await store.messages.get(entryId!))!;
  const stood = entry.observations.find((each) => each.intakeId === intakeId)!;
  // A parser knows of no content hash that was learnt since.
  const representations = stood.representations.map((each) => ({ ...each, contentHash: null }));
  const observation = { ...stood, representations, parser: 1, ...more };
  const replacement = { stood, observation, flags: observation.flags, absorbed, event: event('item.reparsed') };
  return store.reparses.replace(replacement);
}
const find = async ({ store }: StoreFixture, query: object) =>
  (await store.messages.find({ limit: 9, cursor: undefined, ...query })).items.map(({ id }) => id);
const right = { recipients: [recipientOf('right@north.example')], sender: 'true@north.example' };

/** Lets the nights come in which deleted mail leaves the disk. */
async function nights(fixture: StoreFixture, count = 4): Promise<void> {
  for (let night = 0; night < count; night += 1) {
    fixture.clock.at += day;
    const { housekeeping, retention } = fixture.store;
    await retention.look(fixture.clock.at);
    while ((await housekeeping.dropPurged(fixture.clock.at, 100)) > 0);
    await retention.compact(fixture.clock.at, fixture.clock.at);
  }
}

describe.each(storeKinds)('a newer parse in %s', (kind) => {
  test('is shown and found, the older one is not, and bytes, account and chain are as they were', async () => {
    await using fixture = await openStoreFixture(kind);
    const { store } = fixture;
    const [wrong, other] = await archiveMail(fixture, [{ word: 'wrong' }, { word: 'other' }]);
    const [copy] = await archiveMail(fixture, [{ word: 'copy', into: wrong! }]);
    const facts = { ledger: await store.ledger(), figures: store.figuresOf('exchange') };
    const { representations } = (await store.messages.get(wrong!))!.observations.find((o) => o.intakeId === wrong)!;
    const read = representations.map((each) => ({ ...each, facts: { ...each.facts, subject: 'about Grüße' } }));
    const repaired = { ...right, flags: ['bcc'], absorbed: true, level: 'L2', representations: read } as const;
    expect(await reparse(fixture, wrong!, repaired)).toBe('done');
    const entry = (await store.messages.get(wrong!))!;
    for (const rebuild of [undefined, false, true]) {
      if (rebuild !== undefined) await fixture.reopen({ rebuild });
      expect(await fixture.store.messages.get(wrong!)).toEqual(entry);
      for (const query of [{ to: 'right@north.example' }, { mailbox: 'true@north.example' }, { flag: 'bcc' }])
        expect(await find(fixture, query), JSON.stringify(query)).toEqual([wrong]);
      expect(await find(fixture, { subject: 'grüße' })).toEqual([wrong]);
      for (const query of [{ to: 'wrong.reader@north.example' }, { subject: 'wrong' }])
        expect(await find(fixture, query), JSON.stringify(query)).toEqual([]);
      // What the copy says as well, and what nobody parsed again, stays.
      expect(await find(fixture, { from: 'wrong@north.example' }), 'the From header is as it was').toEqual([wrong]);
      expect(await find(fixture, { to: 'copy.reader@north.example' })).toEqual([wrong]);
      expect(await find(fixture, { to: 'other.reader@north.example' })).toEqual([other]);
      expect(await find(fixture, { messageId: '<wrong@id.example>' })).toEqual([wrong]);
      expect(await fixture.store.ledger()).toEqual(facts.ledger);
      expect(fixture.store.figuresOf('exchange')).toEqual({ ...facts.figures, absorbed: 1 });
    }
    const record = await fixture.store.intake.get(wrong!);
    expect(record).toMatchObject({ state: 'archived', entryId: wrong, flags: ['bcc'] });
    expect(record?.steps.at(-1)).toMatchObject({ step: 'reparsed', detail: 'by op' });
    const { items } = await fixture.store.events.find({ limit: 9, cursor: undefined, type: 'item.reparsed' });
    expect(items).toMatchObject([{ actor: 'op' }]);
    expect((await fixture.store.intake.get(copy!))?.steps.map(({ step }) => step)).not.toContain('reparsed');
    await fixture.store[Symbol.asyncDispose]();
    const { dataDir } = fixture;
    const bytes = kind.endsWith('leveldb') ? 'leveldb' : 'segments';
    const reading = isEncrypted(kind) ? { reading: await openReading(dataDir, masterKey()) } : {};
    const { faults } = await verifyData({ dataDir, bytes, ...reading, upTo: null });
    expect(faults.filter(({ file }) => file !== 'evidence.pub')).toEqual([]);
  });

  test('goes with its mail, and what was told before it goes as well', async () => {
    await using fixture = await openStoreFixture(kind);
    const [gone, kept] = await archiveMail(fixture, [{ word: 'CanaryOld' }, { word: 'kept' }]);
    await reparse(fixture, gone!, { recipients: [recipientOf('canarynew@north.example')] });
    await reparse(fixture, gone!, { recipients: [recipientOf('canarynewest@north.example')], parser: 2 });
    const entry = await fixture.store.messages.get(kept!);
    await fixture.store.retention.erase(gone!, event('message.erased'));
    await nights(fixture);
    for (const word of ['canaryold', 'canarynew']) expect(await filesWith(fixture, word)).toEqual([]);
    for (const rebuild of [false, true]) {
      await fixture.reopen({ rebuild });
      expect(await fixture.store.messages.get(kept!)).toEqual(entry);
      expect(await fixture.store.messages.get(gone!)).toBeUndefined();
      expect((await fixture.store.intake.get(gone!))?.steps.map(({ step }) => step).slice(-3)).toEqual([
        'reparsed',
        'reparsed',
        'deleted',
      ]);
    }
  });
});

describe.each(['segments', 'leveldb'] as const)('a rebuild in %s', (bytes) => {
  test('comes to the same index key by key, also where what was told before is off the disk', async () => {
    await using fixture = await openStoreFixture(bytes);
    const [kept, gone] = await archiveMail(fixture, [{ word: 'CanaryOld' }, { word: 'gone' }]);
    const { sha256 } = (await fixture.store.messages.get(kept!))!.observations[0]!.representations[0]!;
    await archiveMail(fixture, [{ word: 'CanaryOld', into: kept!, learnt: { [sha256]: 'c'.repeat(64) } }]);
    const same = async (format = '5'): Promise<void> => {
      await fixture.store[Symbol.asyncDispose]();
      const live = await indexOf(fixture.dataDir);
      expect(live.get('!meta!format'), 'an older engine may open it only before the first newer parse').toBe(format);
      await fixture.reopen({ rebuild: true });
      await fixture.store[Symbol.asyncDispose]();
      expect(await indexOf(fixture.dataDir)).toEqual(live);
      await fixture.reopen();
    };
    await same('4');
    await reparse(fixture, kept!, right);
    await archiveMail(fixture, [{ word: 'CanaryOld', into: kept! }]);
    await same();
    const { seq } = fixture.store.log.head;
    const entry = await fixture.store.messages.get(kept!);
    // Its neighbour in the record that told of both: that one is dropped, for the newer record has all of this one.
    await fixture.store.retention.erase(gone!, event('message.erased'));
    await same();
    await nights(fixture);
    await same();
    expect(await fixture.store.messages.get(kept!)).toEqual(entry);
    expect(await find(fixture, { to: 'right@north.example' })).toEqual([kept]);
    expect(entry?.observations[0]?.representations[0]?.contentHash).toBe('c'.repeat(64));
    expect(seq).toBeGreaterThan(0);
    await reparse(fixture, kept!, { recipients: [], parser: 2 });
    await same();
  });
});

test('what was told before is dropped a day after it was told anew at the soonest', async () => {
  await using fixture = await openStoreFixture();
  const { store } = fixture;
  const [kept, gone] = await archiveMail(fixture, [{ word: 'kept' }, { word: 'canary' }]);
  await store.retention.erase(gone!, event('message.erased'));
  fixture.clock.at += 2 * day;
  await reparse(fixture, kept!, right);
  const drop = (before: number) => store.housekeeping.dropPurged(before, 100);
  // The bytes of the mail go, and what tells of it stays: a backup under way has no record of the newer parse yet.
  await drop(fixture.clock.at + day - 1);
  await store.retention.compact(fixture.clock.at + day, fixture.clock.at + day);
  expect((await filesWith(fixture, 'canary.reader')).length).toBeGreaterThan(0);
  await drop(fixture.clock.at + day + 1);
  expect(await filesWith(fixture, 'canary.reader')).toEqual([]);
  const entry = await store.messages.get(kept!);
  await fixture.reopen({ rebuild: true });
  expect(await fixture.store.messages.get(kept!)).toEqual(entry);
});

describe('nothing is written', () => {
  test('where the mail would come off a hold; a hold on the new recipient counts from then on', async () => {
    await using fixture = await openStoreFixture();
    const { store } = fixture;
    const [id] = await archiveMail(fixture, [{ word: 'held' }]);
    await store.holds.place(holdOf('old', { to: 'held.reader@north.example' }), event('hold.placed'));
    await store.holds.place(holdOf('new', { to: 'right@north.example' }), event('hold.placed'));
    const { seq } = store.log.head;
    expect(await reparse(fixture, id!, right)).toBe('hold');
    expect(store.log.head.seq).toBe(seq);
    await store.holds.lift('old', event('hold.lifted'));
    expect(await reparse(fixture, id!, right)).toBe('done');
    expect(await store.retention.erase(id!, event('message.erased'))).toEqual({ kind: 'held', holds: ['new'] });
  });

  test('over another observation than the one that was looked at, nor over mail that is gone', async () => {
    await using fixture = await openStoreFixture();
    const { store } = fixture;
    const [id] = await archiveMail(fixture, [{ word: 'mail' }]);
    const stood = (await store.messages.get(id!))!.observations[0]!;
    const newer = { ...stood, ...right, parser: 2 };
    const rest = { flags: [], absorbed: false, event: event('item.reparsed') };
    expect(await store.reparses.look({ stood, observation: newer })).toBe('done');
    const both = [newer, { ...newer, parser: 1 }].map((observation) =>
      store.reparses.replace({ stood, observation, ...rest }),
    );
    expect((await Promise.all(both)).toSorted()).toEqual(['changed', 'done']);
    const stands = (await store.messages.get(id!))!.observations[0]!;
    expect(stands).toEqual(newer);
    await store.retention.erase(id!, event('message.erased'));
    expect(await store.reparses.replace({ stood: stands, observation: { ...stands, parser: 3 }, ...rest })).toBe(
      'changed',
    );
  });

  test('by a parser that is no newer, or of another message', async () => {
    await using fixture = await openStoreFixture();
    const [id] = await archiveMail(fixture, [{ word: 'mail' }]);
    const { representations } = (await fixture.store.messages.get(id!))!.observations[0]!;
    await expect(reparse(fixture, id!, { ...right, parser: 0 })).rejects.toThrow('no newer parse');
    const other = representations.map((each) => ({ ...each, sha256: 'f'.repeat(64) }));
    await expect(reparse(fixture, id!, { ...right, representations: other })).rejects.toThrow('no newer parse');
    expect(await find(fixture, { to: 'mail.reader@north.example' })).toEqual([id]);
  });
});
