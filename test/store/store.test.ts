import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import type { Observation, SpoolItem, Verdict } from '../../streams/message.ts';
import {
  openStoreFixture,
  parsedItem,
  type StoreFixture,
  sha256,
  storeKinds,
  value,
} from '../support/store-fixture.ts';

const observationOf = (item: ReturnType<typeof parsedItem>): Observation => ({
  intakeId: item.intakeId,
  definitionId: item.definitionId,
  origin: 'journal',
  receivedAt: item.receivedAt,
  level: 'L0',
  family: 'ms2007',
  flags: item.parsed.flags,
  reportMessageId: item.parsed.reportMessageId,
  sender: item.parsed.sender,
  onBehalfOf: null,
  recipients: item.parsed.observed,
  representations: item.parsed.representations,
});

/** Settles by the plainest rule: insert, or merge into the first entry under the key. */
async function settle(
  fixture: StoreFixture,
  items: readonly ReturnType<typeof parsedItem>[],
): Promise<readonly Verdict[]> {
  return value(
    fixture.store.archive.settle(
      items.map((item) => ({
        item,
        keys: [item.parsed.matchKey ?? ''],
        decide: ([entry]) =>
          entry === undefined
            ? { kind: 'insert', observation: observationOf(item), collidesWith: [] }
            : {
                kind: 'merge',
                entryId: entry.id,
                case: 'M1',
                observation: observationOf(item),
                noop: false,
                learnt: {},
              },
      })),
    ),
  );
}

for (const bytes of storeKinds) {
  test(`a message in custody is counted, listed, due and readable, after a restart too (${bytes})`, async () => {
    await using fixture = await openStoreFixture(bytes);
    const id = await fixture.take('hello');
    for (const restart of [false, true]) {
      if (restart) await fixture.reopen();
      expect(fixture.store.figuresOf('exchange')).toMatchObject({
        received: 1,
        queueMessages: 1,
        queueBytes: 5,
        archived: 0,
      });
      expect(fixture.store.oldest('exchange')).toBe(Date.parse('2026-11-23T12:00:00Z'));
      expect(await fixture.store.intake.get(id)).toMatchObject({ state: 'received', sha256: sha256('hello'), size: 5 });
      const [item] = await fixture.due();
      expect(item).toMatchObject({ intakeId: id, state: 'received', attempt: 0 });
      const read = await value(fixture.store.bodies.read(item!.body, 'identity', item!.sha256));
      expect(Buffer.from(read).toString()).toBe('hello');
    }
  });

  test(`a message beyond the chunk size is stored in pieces and reads back whole (${bytes})`, async () => {
    await using fixture = await openStoreFixture(bytes);
    const receipt = fixture.store.custody.begin();
    const whole = Buffer.alloc(3_000_000, 'abcdefghij');
    for (let at = 0; at < whole.length; at += 65_536) await receipt.write(whole.subarray(at, at + 65_536));
    expect(Buffer.from(await receipt.preview()).equals(whole)).toBe(true);
    const transport = {
      kind: 'smtp',
      peer: null,
      mailFrom: '',
      rcptTo: [],
      tls: null,
      authenticatedAs: null,
      uidl: null,
    } as const;
    const targets = [{ intakeId: 'large', definitionId: 'exchange', definitionVersion: 1 }];
    const custodied = await receipt.commit({ targets, origin: 'journal', receivedAt: 1, transport });
    expect(custodied).toMatchObject({ size: whole.length, sha256: sha256(whole) });
    await fixture.reopen();
    const [item] = await fixture.due();
    expect(item!.body.length).toBeGreaterThan(5);
    expect(
      Buffer.from(await value(fixture.store.bodies.read(item!.body, 'identity', item!.sha256))).equals(whole),
    ).toBe(true);
  });

  test(`an index made anew from the commit log is the index that was (${bytes})`, async () => {
    await using fixture = await openStoreFixture(bytes);
    for (const text of ['one', 'two', 'three', 'four']) await fixture.take(text);
    const [one, two, three, four] = await fixture.due();
    await settle(fixture, [
      parsedItem(one!, { messageId: '<a@x>' }),
      parsedItem(two!, { messageId: '<a@x>', flags: ['report-partial'] }),
    ]);
    await settle(fixture, [parsedItem(three!, { messageId: '<b@x>', subject: 'Other words' })]);
    const end = { kind: 'end', outcome: 'held', reason: 'expired' } as const;
    await value(fixture.store.archive.settle([{ item: four!, keys: [], decide: () => end }]));
    const event = {
      type: 'item.released',
      severity: 'info',
      actor: 'op',
      definitionId: 'exchange',
      intakeId: four!.intakeId,
      entryId: null,
      data: {},
    } as const;
    await fixture.store.definitions.command({
      command: 'release',
      intakeId: four!.intakeId,
      overrides: ['age'],
      event,
    });
    const before = await pictureOf(fixture);
    await fixture.reopen({ rebuild: true });
    expect(await pictureOf(fixture)).toEqual(before);
    expect(before.figures).toMatchObject({ received: 4, archived: 2, matched: 1, held: 0, queueMessages: 1 });
  });
}

test('what this window has decided is seen by the next request of the same window', async () => {
  await using fixture = await openStoreFixture();
  for (const text of ['one', 'two']) await fixture.take(text);
  const items = (await fixture.due()).map((item) => parsedItem(item, { messageId: '<same@x>' }));
  const verdicts = await settle(fixture, items);
  expect(verdicts.map(({ kind }) => kind)).toEqual(['insert', 'merge']);
  const { items: entries } = await fixture.store.messages.find({ limit: 10, cursor: undefined });
  expect(entries.map(({ id, observations }) => [id, observations.length])).toEqual([[items[0]!.intakeId, 2]]);
});

test('a waiting item is due at once when a copy under its key is archived, its next look-up free', async () => {
  await using fixture = await openStoreFixture();
  await fixture.take('waits');
  const [first] = await fixture.due();
  const waiting: SpoolItem = {
    ...parsedItem(first!, { messageId: '<late@x>' }),
    state: 'matching',
    attempt: 1,
    dueAt: first!.dueAt + 60_000,
  };
  await value(
    fixture.store.archive.settle([{ item: waiting, keys: [], decide: () => ({ kind: 'defer', item: waiting }) }]),
  );
  expect(await fixture.due()).toEqual([]);
  expect(fixture.store.figuresOf('exchange')).toMatchObject({ queueMessages: 1, matching: 1 });
  await fixture.take('arrives', { definitionId: 'gateway' });
  const [other] = await fixture.due('gateway');
  await settle(fixture, [parsedItem(other!, { messageId: '<late@x>' })]);
  expect(await fixture.due()).toMatchObject([{ intakeId: first!.intakeId, woken: true, attempt: 1 }]);
});

test('an item deferred in the window in which its copy is archived is due at once', async () => {
  await using fixture = await openStoreFixture();
  for (const text of ['waits', 'arrives']) await fixture.take(text);
  const [first, second] = (await fixture.due()).map((item) => parsedItem(item, { messageId: '<same@x>' }));
  const waiting: SpoolItem = { ...first!, state: 'matching', attempt: 1, dueAt: first!.dueAt + 60_000 };
  const insert = { kind: 'insert', observation: observationOf(second!), collidesWith: [] } as const;
  await value(
    fixture.store.archive.settle([
      { item: first!, keys: [], decide: () => ({ kind: 'defer', item: waiting }) },
      { item: second!, keys: [], decide: () => insert },
    ]),
  );
  expect(await fixture.due()).toMatchObject([{ intakeId: first!.intakeId, woken: true }]);
});

test('messages are found by id, participant, subject words, definition and flag, newest first, page by page', async () => {
  await using fixture = await openStoreFixture();
  for (const n of [1, 2, 3]) {
    await fixture.take(`text ${n}`);
    const [item] = await fixture.due();
    await settle(fixture, [
      parsedItem(item!, {
        messageId: `<m${n}@x>`,
        subject: `Minutes number ${n}`,
        flags: n === 2 ? ['report-partial'] : [],
      }),
    ]);
  }
  const find = async (query: object) =>
    (await fixture.store.messages.find({ limit: 10, cursor: undefined, ...query })).items.map(
      ({ matchKey }) => matchKey,
    );
  expect(await find({})).toEqual(['mid:<m3@x>', 'mid:<m2@x>', 'mid:<m1@x>']);
  expect(await find({ messageId: '<m2@X>' })).toEqual(['mid:<m2@x>']);
  expect(await find({ mailbox: 'BO@north.example' })).toHaveLength(3);
  expect(await find({ to: 'ada@north.example' })).toEqual([]);
  expect(await find({ from: 'ada@north.example', subject: 'number 3' })).toEqual(['mid:<m3@x>']);
  expect(await find({ flag: 'report-partial' })).toEqual(['mid:<m2@x>']);
  expect(await find({ definition: 'other' })).toEqual([]);
  const page = await fixture.store.messages.find({ limit: 2, cursor: undefined });
  const rest = await fixture.store.messages.find({ limit: 2, cursor: page.next! });
  expect(rest.items.map(({ matchKey }) => matchKey)).toEqual(['mid:<m1@x>']);
  expect(rest.next).toBeNull();
});

test('a second store on the folder is refused while the first is open', async () => {
  await using fixture = await openStoreFixture();
  const { dataDir } = fixture;
  const second = openStore({
    dataDir,
    bytes: 'segments',
    segmentBytes: 1_048_576,
    now: () => 0,
    journalTypeOf: () => null,
  });
  await expect(second).rejects.toMatchObject({ code: 'locked' });
});

test('a large body is checked and decoded where the store is told to, and gathered unchecked for who does it', async () => {
  const asked: unknown[] = [];
  await using fixture = await openStoreFixture('segments', {
    readLarge: async (load, length, { decoding }) => {
      const bytes = new Uint8Array(length);
      await load(bytes);
      asked.push([length, decoding]);
      return bytes;
    },
  });
  const text = 'a'.repeat(2_000_000);
  await fixture.take(text);
  await fixture.reopen();
  const [item] = await fixture.due();
  const read = await value(fixture.store.bodies.read(item!.body, 'identity', item!.sha256));
  expect(Buffer.from(read).toString() === text).toBe(true);
  expect(asked).toEqual([[2_000_000, 'identity']]);
  const gathered = Buffer.alloc(2_000_000);
  await fixture.store.gather(item!.body, gathered);
  expect(gathered.toString() === text).toBe(true);
});

test('bytes that changed on disk are refused, not returned', async () => {
  await using fixture = await openStoreFixture();
  await fixture.take('hello');
  await fixture.reopen();
  const [item] = await fixture.due();
  await expect(value(fixture.store.bodies.read(item!.body, 'identity', sha256('other')))).rejects.toMatchObject({
    code: 'damaged',
  });
});

/** All that readers can see. */
async function pictureOf({ store }: StoreFixture) {
  const all = { limit: 500, cursor: undefined };
  return {
    figures: store.figuresOf('exchange'),
    ledger: await store.ledger(),
    messages: await store.messages.find(all),
    intake: await store.intake.find(all),
    held: await store.intake.find({ ...all, state: 'held' }),
    received: await store.intake.find({ ...all, state: 'received' }),
    events: await store.events.find(all),
    oldest: store.oldest('exchange'),
    bySubject: await store.messages.find({ ...all, subject: 'other' }),
  };
}
