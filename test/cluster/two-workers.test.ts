import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/open-store.ts';
import type { SpoolItem } from '../../streams/message.ts';
import type { SettleRequest } from '../../streams/ports.ts';
import { insert, matchOrInsert, mergeInto, parsedAs, request, waiting } from '../contracts/store-home.ts';
import { type ClusterFixture, openClusterFixture, sameHead, takeInto } from '../support/cluster-fixture.ts';
import { masterKey } from '../support/master-keys.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { value } from '../support/store-fixture.ts';
import { minute } from '../support/stream-shapes.ts';

const now = Date.now() + minute;
/** Once nothing is left to who has taken it in. */
const later = now + 10_000;
const dueIn = async (
  store: Store,
  definitionId: string | null = 'exchange',
  at = later,
): Promise<readonly SpoolItem[]> => (await firstValueFrom(from(store.spool.due(definitionId, at, 100)))).items;
const settle = (store: Store, requests: readonly SettleRequest[]) => value(store.archive.settle(requests));

describe.skipIf(postgresLeftOut())('two workers on one log', () => {
  let postgres: Postgres;
  let cluster: ClusterFixture;
  let one: Store;
  let two: Store;
  beforeAll(async () => {
    postgres = await startPostgres();
    cluster = await openClusterFixture({ postgres: postgres.url, now: () => now });
    one = await cluster.open('one');
    two = await cluster.open('two');
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  test('what one takes in, the other has in its index, and reads byte for byte', async () => {
    await takeInto(one, 'by-one', { at: now, text: 'from the first' });
    await takeInto(two, 'by-two', { at: now, text: 'from the second' });
    await sameHead(one, two);
    const ids = async (store: Store) => (await dueIn(store)).map(({ intakeId }) => intakeId);
    expect(await ids(one)).toEqual(['by-one', 'by-two']);
    expect(await ids(two)).toEqual(['by-one', 'by-two']);
    const found = await two.intake.get('by-one');
    const bytes = await value(two.bodies.read(found?.body ?? [], 'identity', found?.sha256 ?? ''));
    expect(Buffer.from(bytes).toString()).toBe('from the first');
    expect(two.figuresOf('exchange')).toEqual(one.figuresOf('exchange'));
  });

  test('many messages through both at once make one unbroken log, and the same index twice', async () => {
    const before = one.log.head.seq;
    const takes = Array.from({ length: 120 }, (_, at) =>
      takeInto(at % 2 === 0 ? one : two, `many-${String(at).padStart(3, '0')}`, { definitionId: 'many', at: now }),
    );
    await Promise.all(takes);
    await sameHead(one, two);
    expect(one.log.head.seq).toBe(before + 120);
    const read = [];
    for await (const record of one.log.records(before)) read.push(record.seq);
    expect(read).toEqual(Array.from({ length: 120 }, (_, at) => before + at + 1));
    expect((await dueIn(two, 'many')).length).toBe(100);
    expect(two.figuresOf('many')).toEqual(one.figuresOf('many'));
  });

  test('copies that both decide on at once become one entry', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `copy-${at}`);
    await Promise.all(ids.map((id, at) => takeInto(at % 2 === 0 ? one : two, id, { definitionId: 'copies', at: now })));
    await sameHead(one, two);
    const items = await dueIn(one, 'copies');
    await Promise.all(
      items.map((item, at) => {
        const key = `<k${Math.floor(at / 4)}@north.example>`;
        return settle(at % 2 === 0 ? one : two, [matchOrInsert(parsedAs(item, key))]);
      }),
    );
    await sameHead(one, two);
    for (const store of [one, two]) {
      for (let group = 0; group < 10; group += 1) {
        const [entries = []] = await value(store.archive.lookup([`mid:<k${group}@north.example>`]));
        expect(entries).toHaveLength(1);
        expect(entries[0]?.observations).toHaveLength(4);
      }
      expect(store.figuresOf('copies')).toMatchObject({ archived: 10, matched: 30, queueMessages: 0 });
    }
  });

  test('an item that one has settled is not settled by the other, which has read it before', async () => {
    await takeInto(one, 'once', { definitionId: 'once', at: now });
    await sameHead(one, two);
    const [seen] = await dueIn(two, 'once');
    const parsed = parsedAs(seen as SpoolItem, '<once@north.example>');
    await settle(one, [request(parsed, () => insert(parsed))]);
    const { seq } = one.log.head;
    expect(await settle(two, [request(parsed, () => mergeInto(parsed, 'once'))])).toEqual([{ kind: 'over' }]);
    await sameHead(one, two);
    expect(one.log.head.seq, 'no second end in the log').toBe(seq);
    expect((await two.messages.get('once'))?.observations).toHaveLength(1);
    expect(two.figuresOf('once')).toMatchObject({ archived: 1, matched: 0 });
  });

  test('a copy does not join what the other would have made of an item that has ended', async () => {
    await takeInto(one, 'ended', { definitionId: 'joins', at: now });
    await takeInto(one, 'joining', { definitionId: 'joins', at: now });
    await sameHead(one, two);
    const [ended, joining] = (await dueIn(two, 'joins')).map((item) => parsedAs(item, '<joins@north.example>'));
    const held = { kind: 'end', outcome: 'held', reason: 'expired' } as const;
    await settle(one, [request(ended as SpoolItem, () => held)]);
    await settle(two, [matchOrInsert(ended as SpoolItem), matchOrInsert(joining as SpoolItem)]);
    await sameHead(one, two);
    for (const store of [one, two]) {
      expect(await store.messages.get('ended')).toBeUndefined();
      expect((await store.messages.get('joining'))?.observations).toHaveLength(1);
    }
  });

  test('who takes an item over knows how far it has waited', async () => {
    await takeInto(one, 'waits', { definitionId: 'waits', at: now });
    const [item] = await dueIn(one, 'waits');
    const parsed = parsedAs(item as SpoolItem, '<waits@north.example>');
    await value(one.spool.defer([{ ...waiting(parsed, now + 3 * minute), attempt: 2, deadline: now + 9 * minute }]));
    await sameHead(one, two);
    expect(await dueIn(two, 'waits')).toEqual([]);
    expect(await dueIn(two, 'waits', now + 3 * minute), 'left to who has put it back').toEqual([]);
    expect(await dueIn(two, 'waits', later + 3 * minute)).toMatchObject([
      { intakeId: 'waits', state: 'matching', attempt: 2, deadline: now + 9 * minute, parsed: null },
    ]);
    expect(await dueIn(one, 'waits', now + 3 * minute)).toMatchObject([
      { intakeId: 'waits', parsed: { class: 'envelope' } },
    ]);
  });

  test('a worker with an empty folder, and one that was away, have all of it', async () => {
    await two[Symbol.asyncDispose]();
    await takeInto(one, 'meanwhile', { definitionId: 'away', at: now });
    two = await cluster.open('two');
    const three = await cluster.open('three');
    for (const store of [two, three]) {
      expect(store.log.head).toEqual(one.log.head);
      expect((await dueIn(store, 'away')).map(({ intakeId }) => intakeId)).toEqual(['meanwhile']);
      expect(store.evidence.tree).toEqual(one.evidence.tree);
    }
  });

  test.each([
    { what: 'in clear', master: null },
    { what: 'encrypted', master: masterKey() },
  ])(
    'a new worker goes on from a copy of the index of another, and reads nothing of the log before ($what)',
    async ({ master }) => {
      const folder = await mkdtemp(join(tmpdir(), 'daybook-copied-'));
      await using own = await openClusterFixture({ postgres: postgres.url, now: () => now });
      const donor = await own.open('donor', { master, dataDir: join(folder, 'donor') });
      for (let at = 0; at < 5; at += 1) await takeInto(donor, `early-${at}`, { at: now });
      await donor[Symbol.asyncDispose]();
      const back = await own.open('other', { master });
      await takeInto(back, 'late', { at: now });
      for (const name of master === null ? ['index'] : ['index', 'keys'])
        await cp(join(folder, 'donor', name), join(folder, 'fresh', name), { recursive: true });
      const log = '(select log from daybook.log where name = $1)';
      await postgres.query(`delete from daybook.record where log = ${log} and seq < 4`, [own.log]);
      await expect(own.open('empty', { master })).rejects.toThrow();
      const fresh = await own.open('fresh', { master, dataDir: join(folder, 'fresh') });
      expect(fresh.log.head).toEqual(back.log.head);
      expect(fresh.evidence.tree).toEqual(back.evidence.tree);
      expect((await dueIn(fresh)).map(({ intakeId }) => intakeId)).toEqual(
        (await dueIn(back)).map(({ intakeId }) => intakeId),
      );
      await takeInto(fresh, 'by-fresh', { at: now });
      await sameHead(fresh, back);
      await rm(folder, { recursive: true, force: true });
    },
  );
});
