import { describe, expect, test } from 'vitest';
import type { SpoolItem } from '../../streams/message.ts';
import { value } from '../support/store-fixture.ts';
import { minute } from '../support/stream-shapes.ts';
import {
  dueItem,
  dueItems,
  insert,
  matchOrInsert,
  mergeInto,
  type OpenHome,
  parsedAs,
  request,
  type StoreHome,
  settleAll,
  waiting,
} from './store-home.ts';

const key = 'mid:<m1@north.example>';

/** What each adapter of the archive port promises (journaling c.4). */
export function archiveContract(name: string, open: OpenHome): void {
  /** Takes the messages in and hands them out, parsed under one Message-ID. */
  const taken = async (home: StoreHome, ...ids: readonly string[]): Promise<readonly SpoolItem[]> => {
    for (const id of ids) await home.take(id);
    const items = new Map((await dueItems(home)).map((item) => [item.intakeId, item]));
    return ids.map((id) => parsedAs(items.get(id)!));
  };
  const under = async (home: StoreHome, wanted = key) => (await value(home.archive.lookup([wanted])))[0] ?? [];

  describe(`the archive in ${name}`, () => {
    test('an inserted item leaves the spool and is found under its key, with its own id', async () => {
      await using home = await open();
      const [one] = await taken(home, 'one');
      expect(await settleAll(home, [matchOrInsert(one!)])).toMatchObject([{ kind: 'insert' }]);
      expect(await dueItems(home, { at: home.now + minute })).toEqual([]);
      expect(await under(home)).toMatchObject([{ id: 'one', matchKey: key, flags: [], origin: 'journal' }]);
      expect((await home.entry('one'))?.observations).toHaveLength(1);
    });

    test('requests are ruled on one after another: the second copy in a window matches the first', async () => {
      await using home = await open();
      const items = await taken(home, 'one', 'two', 'three');
      const verdicts = await settleAll(home, items.map(matchOrInsert));
      expect(verdicts.map(({ kind }) => kind)).toEqual(['insert', 'merge', 'merge']);
      const entry = await home.entry('one');
      expect(entry?.observations.map(({ intakeId }) => intakeId)).toEqual(['one', 'three', 'two']);
      expect(await under(home)).toHaveLength(1);
    });

    test('however many windows settle at once, one message becomes one entry', async () => {
      await using home = await open();
      const ids = Array.from({ length: 12 }, (_, at) => `copy-${10 + at}`);
      const items = await taken(home, ...ids);
      const verdicts = await Promise.all(items.map((item) => settleAll(home, [matchOrInsert(item)])));
      expect(verdicts.flat().filter(({ kind }) => kind === 'insert')).toHaveLength(1);
      const entries = await under(home);
      expect(entries).toHaveLength(1);
      expect(entries[0]?.observations.map(({ intakeId }) => intakeId)).toEqual(ids);
    });

    test('a rule sees the entries under any of its keys, each once, oldest first', async () => {
      await using home = await open();
      const [a, b, c] = await taken(home, 'a', 'b', 'c');
      const other = parsedAs(a!, '<other@north.example>');
      await settleAll(home, [request(b!, () => insert(b!)), request(other, () => insert(other))]);
      const seen: string[] = [];
      const look = request(
        c!,
        (entries) => {
          seen.push(...entries.map(({ id }) => id));
          return { kind: 'end', outcome: 'held', reason: 'expired' };
        },
        [key, 'mid:<other@north.example>', key],
      );
      await settleAll(home, [look]);
      expect(seen).toEqual(['a', 'b']);
    });

    test('a look-up answers in the order of its keys, with nothing where there is nothing', async () => {
      await using home = await open();
      const [one] = await taken(home, 'one');
      await settleAll(home, [matchOrInsert(one!)]);
      const found = await value(home.archive.lookup(['mid:<none@x>', key]));
      expect(found.map((entries) => entries.map(({ id }) => id))).toEqual([[], ['one']]);
    });

    test('a collision flags both entries and moves nothing between them', async () => {
      await using home = await open();
      const [one, two] = await taken(home, 'one', 'two');
      await settleAll(home, [request(one!, () => insert(one!)), request(two!, () => insert(two!, ['one']))]);
      expect(await under(home)).toMatchObject([
        { id: 'one', flags: ['mid-collision'], observations: [{ intakeId: 'one' }] },
        { id: 'two', flags: ['mid-collision'], observations: [{ intakeId: 'two' }] },
      ]);
    });

    test('a variant is flagged, and a content hash that was learnt becomes a key', async () => {
      await using home = await open();
      const [one, two] = await taken(home, 'one', 'two');
      const learnt = { [one!.sha256]: 'c0ffee' };
      await settleAll(home, [
        request(one!, () => insert(one!)),
        request(two!, () => mergeInto(two!, 'one', { case: 'M2', learnt })),
      ]);
      expect(await under(home)).toMatchObject([{ id: 'one', flags: ['variant'] }]);
      expect((await under(home, 'ch:c0ffee')).map(({ id }) => id)).toEqual(['one']);
    });

    test('an item that is put back by its rule waits, and an end by rule leaves no entry', async () => {
      await using home = await open();
      const [one, two] = await taken(home, 'one', 'two');
      await settleAll(home, [
        request(one!, () => ({ kind: 'defer', item: { ...waiting(one!, home.now + minute), attempt: 1 } })),
        request(two!, () => ({ kind: 'end', outcome: 'skipped', reason: 'non-internal' })),
      ]);
      expect(await dueItems(home)).toEqual([]);
      expect(await dueItems(home, { at: home.now + minute })).toMatchObject([{ intakeId: 'one', attempt: 1 }]);
      expect(await under(home)).toEqual([]);
      expect([await home.outcome('one'), await home.outcome('two')]).toEqual([undefined, 'skipped']);
    });

    test('an unsure item is left as it was', async () => {
      await using home = await open();
      const [one] = await taken(home, 'one');
      const before = await dueItem(home, 'one');
      const verdicts = await settleAll(home, [request(one!, () => ({ kind: 'unsure', entryIds: [] }))]);
      expect(verdicts).toEqual([{ kind: 'unsure', entryIds: [] }]);
      expect(await dueItem(home, 'one')).toEqual(before);
    });

    test('an item that has ended is not settled a second time', async () => {
      await using home = await open();
      const [one] = await taken(home, 'one');
      await settleAll(home, [matchOrInsert(one!)]);
      const entry = await home.entry('one');
      await settleAll(home, [request(one!, () => ({ kind: 'end', outcome: 'held', reason: 'expired' }), [])]);
      await settleAll(home, [request(one!, () => mergeInto(one!, 'one'))]);
      expect(await home.entry('one')).toEqual(entry);
      expect(await home.outcome('one')).toBe('archived');
      expect(await dueItems(home, { at: home.now + minute })).toEqual([]);
    });

    test('a change of the archive wakes those who wait for its key, in every definition, and nobody else', async () => {
      await using home = await open();
      const later = home.now + minute;
      await home.take('abroad', { definitionId: 'exchange-2' });
      const [abroad] = await dueItems(home, { definitionId: 'exchange-2' });
      const [mine, other, delayed, copy] = await taken(home, 'mine', 'other', 'delayed', 'copy');
      await value(
        home.spool.defer([
          waiting(mine!, later),
          waiting(parsedAs(other!, '<other@north.example>'), later),
          { ...waiting(delayed!, later), state: 'delayed' },
          waiting(parsedAs(abroad!), later),
        ]),
      );
      await settleAll(home, [matchOrInsert(copy!)]);
      expect(await dueItems(home)).toMatchObject([{ intakeId: 'mine', woken: true, attempt: 0 }]);
      expect(await dueItems(home, { definitionId: 'exchange-2' })).toMatchObject([{ intakeId: 'abroad', woken: true }]);
      const rest = await dueItems(home, { at: later });
      expect(rest.filter(({ woken }) => !woken).map(({ intakeId }) => intakeId)).toEqual(['delayed', 'other']);
    });

    test('an end without an entry wakes nobody', async () => {
      await using home = await open();
      const [mine, copy] = await taken(home, 'mine', 'copy');
      await value(home.spool.defer([waiting(mine!, home.now + minute)]));
      await settleAll(home, [request(copy!, () => ({ kind: 'end', outcome: 'held', reason: 'expired' }), [])]);
      expect(await dueItems(home)).toEqual([]);
    });
  });
}
