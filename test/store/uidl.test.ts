import { expect, test } from 'vitest';
import { openStoreFixture, storeKinds } from '../support/store-fixture.ts';

test.each(storeKinds)(
  'what was written of a mailbox is there after a restart, each definition apart (%s)',
  async (kind) => {
    await using fixture = await openStoreFixture(kind);
    const read = async (id: string) => [...(await fixture.store.uidl(id).read())];
    await fixture.store.uidl('one').write(
      new Map([
        ['uid:a', { state: 'fetched' }],
        ['uid:b', { state: 'fetched' }],
      ]),
    );
    await fixture.store.uidl('other').write(new Map([['uid:a', { state: 'left' }]]));
    await fixture.store.uidl('one').write(new Map([['uid:b', null]]));
    await fixture.reopen();
    expect(await read('one')).toEqual([['uid:a', { state: 'fetched' }]]);
    expect(await read('other')).toEqual([['uid:a', { state: 'left' }]]);
  },
);
