import { expect, test } from 'vitest';
import { openStoreFixture, type StoreFixture, sha256, storeKinds } from '../support/store-fixture.ts';

const ledgerOf = async ({ store }: StoreFixture, id = 'exchange') => [...(await store.uidl(id).read())];

/** One item of a mailbox into custody, as the poller does it. */
async function fetchItem({ store, clock }: StoreFixture, uidl: string, text: string): Promise<void> {
  const receipt = store.custody.begin();
  await receipt.write(Buffer.from(text));
  const target = { definitionId: 'exchange', definitionVersion: 1, intakeId: `intake-${uidl}` };
  const nobody = { peer: null, mailFrom: null, rcptTo: [], tls: null, authenticatedAs: null } as const;
  await receipt.commit({
    targets: [target],
    origin: 'journal',
    receivedAt: clock.at,
    transport: { kind: 'pop3', ...nobody, uidl },
    listed: { key: `uid:${uidl}`, size: text.length, headerSha256: sha256('header') },
  });
}

const fetched = (text: string, at: number) => ({
  state: 'fetched',
  listSize: text.length,
  headerSha256: sha256('header'),
  rawSha256: sha256(text),
  failures: 0,
  reason: null,
  at,
});

test.each(storeKinds)(
  'what was written of a mailbox is there after a restart and in a rebuilt index, each definition apart (%s)',
  async (kind) => {
    await using fixture = await openStoreFixture(kind);
    await fixture.store.uidl('one').write(
      new Map([
        ['uid:a', { state: 'left' }],
        ['uid:b', { state: 'blocked' }],
      ]),
    );
    await fixture.store.uidl('other').write(new Map([['uid:a', { state: 'left' }]]));
    await fixture.store.uidl('one').write(new Map([['uid:b', null]]));
    for (const rebuild of [false, true]) {
      await fixture.reopen({ rebuild });
      expect(await ledgerOf(fixture, 'one')).toEqual([['uid:a', { state: 'left' }]]);
      expect(await ledgerOf(fixture, 'other')).toEqual([['uid:a', { state: 'left' }]]);
    }
  },
);

test.each(storeKinds)('what is in custody is in the ledger with its intake record, rebuilt too (%s)', async (kind) => {
  await using fixture = await openStoreFixture(kind);
  const { at } = fixture.clock;
  await fetchItem(fixture, 'a', 'one');
  await fetchItem(fixture, 'b', 'another');
  const expected = [
    ['uid:a', fetched('one', at)],
    ['uid:b', fetched('another', at)],
  ];
  expect(await ledgerOf(fixture)).toEqual(expected);
  await fixture.store.uidl('exchange').write(new Map([['uid:b', { state: 'deleted' }]]), { sync: false });
  expect((await ledgerOf(fixture)).map(([, { state }]) => state)).toEqual(['fetched', 'deleted']);
  await fixture.reopen({ rebuild: true });
  expect(await ledgerOf(fixture)).toEqual(expected);
  // Gone from the mailbox, it is gone for ever.
  await fixture.store.uidl('exchange').write(new Map([['uid:a', null]]));
  await fixture.reopen({ rebuild: true });
  expect(await ledgerOf(fixture)).toEqual(expected.slice(1));
});

test('the ledger of a removed definition goes with it, also where all of it is folded at once', async () => {
  await using fixture = await openStoreFixture();
  const event = { type: 't', severity: 'info', actor: 'op', definitionId: 'exchange', intakeId: null, entryId: null };
  const common = { definitionId: 'exchange', event: { ...event, data: {} } as never };
  const define = { version: 1, document: {}, suspended: true, digest: 'd' };
  await fixture.store.definitions.command({ command: 'define', ...define, ...common });
  await fetchItem(fixture, 'a', 'one');
  await fixture.store.uidl('exchange').write(new Map([['uid:x', { state: 'blocked' }]]));
  await fixture.store.uidl('other').write(new Map([['uid:x', { state: 'blocked' }]]));
  await fixture.store.definitions.command({ command: 'remove', ...common });
  for (const again of [{}, { rebuild: true }]) {
    expect(await ledgerOf(fixture)).toEqual([]);
    expect(await ledgerOf(fixture, 'other')).toHaveLength(1);
    await fixture.reopen(again);
  }
  expect(await ledgerOf(fixture)).toEqual([]);
});
