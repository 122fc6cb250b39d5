import { join } from 'node:path';
import { Level } from 'level';
import { expect, test } from 'vitest';
import { archiveMail } from '../support/kept-mail.ts';
import { openStoreFixture, value } from '../support/store-fixture.ts';
import { openText } from '../support/text-fixture.ts';

/** Goes through a database that nobody has open, puts what `change` returns, and says of each room whether it did. */
async function eachValue(
  folder: string,
  change: (key: string, stored: Buffer) => Buffer | undefined,
): Promise<ReadonlyMap<string, boolean>> {
  const database = new Level<string, Buffer>(folder, { valueEncoding: 'buffer' });
  const rooms = new Map<string, boolean>();
  for (const [key, stored] of await database.iterator().all()) {
    const changed = change(key, stored);
    if (changed !== undefined) await database.put(key, changed);
    const room = key.split('!')[1] ?? '';
    rooms.set(room, changed !== undefined || rooms.get(room) === true);
  }
  await database.close();
  return rooms;
}

test.each(['segments', 'encrypted segments'] as const)(
  'no key has an empty value, of which the database keeps its copy for ever; an index from before is read (%s)',
  async (kind) => {
    await using fixture = await openStoreFixture(kind);
    const openWords = () => openText(fixture, { isEncrypted: kind !== 'segments' });
    const [first, second] = await archiveMail(fixture, [{ word: 'first' }, { word: 'second' }]);
    const waiting = await fixture.take('in process');
    const polled = { type: 'mailbox.polled', severity: 'info', actor: 'op', definitionId: 'exchange' } as const;
    await value(fixture.store.events.append({ ...polled, intakeId: null, entryId: null, data: {} }));
    {
      await using text = await openWords();
      await text.readAll();
    }
    await fixture.store[Symbol.asyncDispose]();
    const rooms = new Set<string>();
    for (const name of ['index', 'text-index']) {
      const found = await eachValue(join(fixture.dataDir, name), (key, stored) => {
        expect(stored.length, key).toBeGreaterThan(0);
        return stored.toString() === '-' ? Buffer.alloc(0) : undefined;
      });
      for (const [room, changed] of found) if (changed) rooms.add(room);
    }
    expect([...rooms].sort()).toEqual(['due', 'eventby', 'facet', 'keep', 'match', 'open', 'word']);
    await fixture.reopen();
    await using text = await openWords();
    expect(text.discarded).toEqual([]);
    expect((await fixture.due()).map(({ intakeId }) => intakeId)).toEqual([waiting]);
    expect(await text.find('body')).toEqual([second, first]);
    expect(await text.find('body', { mailbox: 'first.reader@north.example', subject: 'first' })).toEqual([first]);
    await archiveMail(fixture, [{ word: 'variant', into: first! }]);
    expect((await fixture.store.messages.get(first!))?.observations).toHaveLength(2);
    const events = await fixture.store.events.find({ definition: 'exchange', limit: 9, cursor: undefined });
    expect(events.items.map(({ type }) => type)).toContain('mailbox.polled');
  },
);
