import { describe, expect, test } from 'vitest';
import { value } from '../support/store-fixture.ts';
import { minute } from '../support/stream-shapes.ts';
import { dueItem, dueItems, type OpenHome, parsedAs, request, settleAll, waiting } from './store-home.ts';

/** What each adapter of the spool port promises. */
export function spoolContract(name: string, open: OpenHome): void {
  const idsOf = (items: readonly { readonly intakeId: string }[]) => items.map(({ intakeId }) => intakeId);

  describe(`the spool in ${name}`, () => {
    test('an empty spool has nothing due, now or later', async () => {
      await using home = await open();
      expect(await value(home.spool.due('exchange', home.now, 10))).toEqual({ items: [], nextDueAt: null });
    });

    test('a message just taken in is due as it was received', async () => {
      await using home = await open();
      await home.take('one');
      const [item] = await dueItems(home);
      expect(item).toMatchObject({
        intakeId: 'one',
        definitionId: 'exchange',
        state: 'received',
        attempt: 0,
        dueAt: home.now,
        deadline: null,
        woken: false,
        failures: 0,
        overrides: [],
        parsed: null,
        size: 3,
      });
    });

    test('due items come earliest first, `limit` at most, with the time of the next one', async () => {
      await using home = await open();
      for (const [id, ago] of [
        ['c', 1],
        ['a', 3],
        ['b', 2],
        ['d', 0],
      ] as const) {
        await home.take(id, { at: home.now - ago * minute });
      }
      const two = await value(home.spool.due('exchange', home.now, 2));
      expect(idsOf(two.items)).toEqual(['a', 'b']);
      expect(two.nextDueAt).toBe(home.now - minute);
      const all = await value(home.spool.due('exchange', home.now, 4));
      expect(idsOf(all.items)).toEqual(['a', 'b', 'c', 'd']);
      expect(all.nextDueAt).toBeNull();
    });

    test('an item is due at its time and not a millisecond before', async () => {
      await using home = await open();
      await home.take('one');
      await value(home.spool.defer([waiting(parsedAs((await dueItem(home, 'one'))!), home.now + minute)]));
      const before = await value(home.spool.due('exchange', home.now + minute - 1, 10));
      expect(before).toEqual({ items: [], nextDueAt: home.now + minute });
      expect(idsOf(await dueItems(home, { at: home.now + minute }))).toEqual(['one']);
    });

    test('what was received under a clock that has been set back since is due, what merely waits long is not', async () => {
      await using home = await open();
      const year = 365 * 24 * 60 * minute;
      await home.take('long');
      await value(home.spool.defer([waiting(parsedAs((await dueItem(home, 'long'))!), home.now + 24 * 60 * minute)]));
      await home.take('fresh', { at: home.now + 10 * year });
      await home.take('parsed', { at: home.now + 10 * year });
      const later = home.now + 10 * year;
      const parsed = (await dueItem(home, 'parsed', later))!;
      await value(home.spool.defer([waiting(parsedAs(parsed, '<m2@north.example>'), later + minute)]));
      await home.take('before');
      const before = (await dueItems(home, { at: later })).find(({ intakeId }) => intakeId === 'before');
      await value(home.spool.defer([waiting(parsedAs(before!, '<m3@north.example>'), later + minute)]));
      expect(idsOf(await dueItems(home, { at: home.now + minute })).toSorted()).toEqual(['before', 'fresh', 'parsed']);
      await using other = await open();
      await other.take('soon', { at: other.now + 4 * minute });
      expect(await dueItems(other)).toEqual([]);
      expect(idsOf(await dueItems(other, { at: other.now + 4 * minute }))).toEqual(['soon']);
    });

    test('each definition has its own range, and so has the gateway', async () => {
      await using home = await open();
      await home.take('one');
      await home.take('two', { definitionId: 'exchange-2' });
      await home.take('tap', { definitionId: null });
      expect(idsOf(await dueItems(home))).toEqual(['one']);
      expect(idsOf(await dueItems(home, { definitionId: 'exchange-2' }))).toEqual(['two']);
      expect(idsOf(await dueItems(home, { definitionId: null }))).toEqual(['tap']);
    });

    test('reading takes nothing out: what is not settled is due again', async () => {
      await using home = await open();
      await home.take('one');
      expect(idsOf(await dueItems(home))).toEqual(['one']);
      expect(idsOf(await dueItems(home))).toEqual(['one']);
    });

    test('an item put back keeps what its stage made of it', async () => {
      await using home = await open();
      await home.take('one');
      const step = { at: home.now, step: 'failed', detail: 'why' };
      const item = parsedAs((await dueItem(home, 'one'))!);
      const made = { attempt: 2, failures: 1, deadline: home.now + 9, steps: [step] };
      await value(home.spool.defer([{ ...waiting(item, home.now + 1), ...made }]));
      expect(await dueItem(home, 'one', home.now + 1)).toMatchObject({
        ...made,
        state: 'matching',
        dueAt: home.now + 1,
        parsed: item.parsed,
      });
    });

    test('putting back nothing is nothing', async () => {
      await using home = await open();
      await home.take('one');
      await value(home.spool.defer([]));
      expect(idsOf(await dueItems(home))).toEqual(['one']);
    });

    test('an item that has ended meanwhile does not come back', async () => {
      await using home = await open();
      await home.take('one');
      const item = parsedAs((await dueItem(home, 'one'))!);
      await settleAll(home, [request(item, () => ({ kind: 'end', outcome: 'held', reason: 'expired' }), [])]);
      await value(home.spool.defer([waiting(item, home.now)]));
      expect(await dueItems(home, { at: home.now + minute })).toEqual([]);
    });
  });
}
