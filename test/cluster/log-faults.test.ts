import { asyncScheduler, firstValueFrom, from } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogRecord } from '../../src/store/commit-log.types.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { ReopeningStore } from '../../src/store/reopening-store.ts';
import type { SpoolItem } from '../../streams/message.ts';
import { matchOrInsert, parsedAs } from '../contracts/store-home.ts';
import {
  type ClusterFixture,
  keepWorker,
  openClusterFixture,
  quickClock,
  sameHead,
  takeInto,
} from '../support/cluster-fixture.ts';
import { type CuttingProxy, openCuttingProxy } from '../support/cutting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { value } from '../support/store-fixture.ts';
import { minute } from '../support/stream-shapes.ts';

const now = Date.now() + minute;
/** Once nothing is left to who has taken it in. */
const later = now + 10_000;

const recordsOf = async (store: Store): Promise<readonly LogRecord[]> => {
  const records: LogRecord[] = [];
  for await (const record of store.log.records(0)) records.push(record);
  return records;
};
const intakesIn = async (store: Store): Promise<readonly string[]> =>
  (await recordsOf(store)).flatMap(({ kind, facts }) =>
    kind === 'intake' ? (facts as { targets: readonly { intakeId: string }[] }).targets.map((one) => one.intakeId) : [],
  );
const dueIn = async (store: Store, definitionId: string): Promise<readonly SpoolItem[]> =>
  (await firstValueFrom(from(store.spool.due(definitionId, later, 10_000)))).items;

describe.skipIf(postgresLeftOut())('the shared log, its server killed', () => {
  test.each([
    { outage: 'shorter than anybody waits', isLong: false },
    { outage: 'longer', isLong: true },
  ])('loses and doubles nothing of what was acknowledged; the outage is $outage', async ({ isLong }) => {
    await using server = await startPostgres();
    using time = quickClock();
    const clock = isLong ? time.clock : asyncScheduler;
    await using cluster = await openClusterFixture({ postgres: server.url, now: () => now });
    await using one = await keepWorker(cluster, 'one', { clock });
    await using two = await keepWorker(cluster, 'two', { clock });
    const stores = [one, two];
    const taken: string[] = [];
    const refused: string[] = [];
    let isOver = false;
    const take = async (store: ReopeningStore, name: string): Promise<void> => {
      for (let at = 0; !isOver; at += 1) {
        const id = `${name}-${at}`;
        await takeInto(store, id, { definitionId: 'killed', at: now }).then(
          () => taken.push(id),
          () => refused.push(id),
        );
        if (!store.health.open) await eventually(async () => store.health.open);
      }
    };
    const taking = stores.flatMap((store, at) => ['a', 'b', 'c', 'd'].map((name) => take(store, `${at}${name}`)));
    const more = async (count: number): Promise<unknown> => {
      const from = taken.length;
      return eventually(async () => taken.length >= from + count);
    };
    for (let round = 0; round < 2; round += 1) {
      await more(100);
      await server.kill();
      if (isLong) await eventually(async () => stores.every(({ health }) => !health.open));
      await server.restart();
      await eventually(async () => stores.every(({ health }) => health.open));
    }
    await more(100);
    isOver = true;
    await Promise.all(taking);
    await sameHead(one, two, 10_000);
    const found = await intakesIn(one);
    expect(new Set(found).size, 'nothing twice').toBe(found.length);
    expect(new Set(found)).toEqual(new Set([...taken, ...found.filter((id) => refused.includes(id))]));
    expect(refused.length > 0, 'a short outage is not felt').toBe(isLong);
    expect(one.figuresOf('killed')).toEqual(two.figuresOf('killed'));
    expect(one.figuresOf('killed').received).toBe(found.length);
    expect(await dueIn(two, 'killed')).toEqual(await dueIn(one, 'killed'));
    expect(one.evidence.tree).toEqual(two.evidence.tree);
    expect(
      await server.asAdmin(
        'select 1 from daybook.body b left join daybook.record r using (log, body) where r.seq is null',
      ),
    ).toEqual([]);
  });
});

describe.skipIf(postgresLeftOut())('the shared log, when nobody hears what became of a commit', () => {
  let server: Postgres;
  let proxy: CuttingProxy;
  let cluster: ClusterFixture;
  let one: Store;
  let two: Store;
  beforeAll(async () => {
    server = await startPostgres();
    proxy = await openCuttingProxy(server.url);
    cluster = await openClusterFixture({ postgres: proxy.url, now: () => now });
    one = await cluster.open('one');
    two = await cluster.open('two', { postgres: server.url });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test.each([1, 3])('finds an append again that it was not told of %i times, and tells it once', async (cuts) => {
    const before = { seq: one.log.head.seq, cuts: proxy.cuts };
    const ids = Array.from({ length: 20 }, (_, at) => `lost-${cuts}-${at}`);
    proxy.cutNext(cuts);
    await Promise.all(ids.map((id) => takeInto(one, id, { definitionId: 'lost', at: now })));
    expect(proxy.cuts - before.cuts).toBe(cuts);
    expect(one.log.head.seq).toBe(before.seq + ids.length);
    await sameHead(one, two, 10_000);
    expect((await intakesIn(two)).slice(-ids.length)).toEqual(ids);
    const items = await dueIn(one, 'lost');
    expect(await dueIn(two, 'lost')).toEqual(items);
    const [item] = items;
    const bytes = await value(two.bodies.read(item?.body ?? [], 'identity', item?.sha256 ?? ''));
    expect(Buffer.from(bytes).toString()).toBe(item?.intakeId);
    const bodies = await server.asAdmin<{ count: string }>('select count(*) from daybook.body');
    expect(bodies, 'no body but those of records').toEqual([{ count: String(one.log.head.seq) }]);
  });

  test.each([1, 2])('finds a decision again that it was not told of %i times', async (cuts) => {
    const id = `decided-${cuts}`;
    await takeInto(one, id, { definitionId: id, at: now });
    const [item] = await dueIn(one, id);
    const { seq } = one.log.head;
    const before = proxy.cuts;
    proxy.cutNext(cuts);
    // What is appended beside it shares its group, or comes after.
    const beside = takeInto(one, `beside-${cuts}`, { definitionId: 'beside', at: now });
    const [verdict] = await value(
      one.archive.settle([matchOrInsert(parsedAs(item as SpoolItem, `<${id}@north.example>`))]),
    );
    await beside;
    expect(verdict?.kind).toBe('insert');
    expect(proxy.cuts - before).toBe(cuts);
    expect(one.log.head.seq).toBe(seq + 2);
    await sameHead(one, two, 10_000);
    for (const store of [one, two]) {
      expect((await store.messages.get(id))?.observations).toHaveLength(1);
      expect(store.figuresOf(id)).toMatchObject({ received: 1, archived: 1, queueMessages: 0 });
    }
  });

  test('a decision that was not written is told so, and what shares its group is written', async () => {
    const decided = one.log.deciding(async (append) => {
      // All connections of the worker end while it holds the log.
      await server.asAdmin(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'daybook' and state = 'idle in transaction'",
      );
      return append({ kind: 'command', facts: { command: 'look' }, payload: [] });
    });
    const { seq } = one.log.head;
    const beside = takeInto(one, 'beside-lost', { definitionId: 'beside', at: now });
    await expect(decided).rejects.toMatchObject({ code: 'store-failed' });
    await beside;
    expect(one.log.head.seq).toBe(seq + 1);
    await one.log.deciding((append) => append({ kind: 'command', facts: { command: 'look' }, payload: [] }));
    expect(one.log.head.seq).toBe(seq + 2);
  });
});
