import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import type { Store } from '../../src/store/open-store.ts';
import {
  type ClusterFixture,
  keepWorker,
  openClusterFixture,
  quickClock,
  sameHead,
  takeInto,
} from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { longOfClusterLeftOut, type Postgres, startPostgres } from '../support/postgres.ts';
import { minute } from '../support/stream-shapes.ts';

const now = Date.now() + minute;
const take = (store: Store, id: string): Promise<void> => takeInto(store, id, { at: now });

describe.skipIf(longOfClusterLeftOut())('the shared log', () => {
  let server: Postgres;
  let cluster: ClusterFixture;
  beforeEach(async () => {
    server = await startPostgres();
    cluster = await openClusterFixture({ postgres: server.url, now: () => now });
  });
  afterEach(async () => {
    server?.resume();
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('writes a group once whose commit takes longer than anybody waits for it, and is made all the same', async () => {
    const one = await cluster.open('one');
    await take(one, 'before');
    const { seq } = one.log.head;
    // Nobody answers for the commit: it waits, and with it the row of the log.
    await server.asAdmin(`alter system set synchronous_standby_names = 'nobody'`);
    await server.asAdmin('select pg_reload_conf()');
    const taken = take(one, 'slow');
    const waits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%daybook.log%'`;
    await eventually(async () => (await server.asAdmin(waits)).length > 0, { withinMs: 15_000, what: 'a second try' });
    await server.asAdmin('alter system reset synchronous_standby_names');
    await server.asAdmin('select pg_reload_conf()');
    await taken;
    expect(one.log.head.seq).toBe(seq + 1);
    expect(one.figuresOf('exchange')).toMatchObject({ received: 2, queueMessages: 2 });
  }, 60_000);

  test('is held up by a worker that is paused in its transaction for 5 s, and that one writes nothing more', async () => {
    const [one, two] = [await cluster.open('one'), await cluster.open('two')];
    await using sleeper = openPostgres(server.url);
    const rows = await openLogRows(sleeper, cluster.log);
    let wake = (): void => undefined;
    const paused = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let isHeld = false;
    const begun = performance.now();
    const asleep = sleeper
      .transaction(async (run) => {
        const head = await rows.lock(run);
        isHeld = true;
        await paused;
        const after = { seq: head.seq + 1, hash: head.hash };
        await rows.write(run, [], { head: after, worker: 'three', session: randomUUID(), batch: 1, last: null });
      })
      .catch(String);
    await eventually(async () => isHeld);
    await Promise.all([take(one, 'held-1'), take(two, 'held-2')]);
    const waitedMs = performance.now() - begun;
    wake();
    expect(await asleep).toMatch(/idle-in-transaction timeout|connection error|terminated/);
    expect(waitedMs).toBeGreaterThan(4_000);
    expect(waitedMs).toBeLessThan(15_000);
    await sameHead(one, two, 10_000);
    expect(one.log.head.seq).toBe(2);
  });

  test('tells that it has failed when the server stands still for longer than it waits, and comes back by itself', async () => {
    using time = quickClock();
    await using one = await keepWorker(cluster, 'one', time);
    await take(one, 'before');
    await server.pause();
    await expect(take(one, 'meanwhile')).rejects.toMatchObject({ code: 'store-failed' });
    await eventually(async () => !one.health.open);
    expect(one.health.detail).not.toBeNull();
    await expect(take(one, 'refused')).rejects.toMatchObject({ code: 'store-failed' });
    server.resume();
    await eventually(async () => one.health.open);
    await take(one, 'after');
    const states = ['before', 'after', 'refused'].map(async (id) => (await one.intake.get(id))?.state);
    expect(await Promise.all(states)).toEqual(['received', 'received', undefined]);
  });

  test('is not written by two engines under one name: the one that came first stops', async () => {
    const failures: string[] = [];
    const first = await cluster.open('one');
    void first.failure.then(({ message }) => failures.push(message));
    await take(first, 'by-the-first');
    // The same name from another folder, as where a worker is started elsewhere while it is only cut off here.
    const elsewhere = await openClusterFixture({ postgres: server.url, now: () => now });
    const second = await elsewhere.open('one', { log: cluster.log });
    await take(second, 'by-the-second');
    await expect(take(first, 'late')).rejects.toThrow('another engine writes as the worker one');
    await eventually(async () => failures.length > 0);
    await take(second, 'goes-on');
    expect(second.log.head.seq).toBe(3);
    await elsewhere[Symbol.asyncDispose]();
  });

  test('is not written on by a worker that has folded more than the database has', async () => {
    const [one, two] = [await cluster.open('one'), await cluster.open('two')];
    await take(one, 'stays');
    const { hash } = one.log.head;
    await take(one, 'is-lost');
    await sameHead(one, two, 10_000);
    // As where a standby takes over that had not heard of the last record.
    await server.asAdmin('delete from daybook.record where seq = 2');
    await server.asAdmin('update daybook.log set seq = 1, hash = $1', [Buffer.from(hash, 'hex')]);
    const failures: string[] = [];
    void two.failure.then(({ message }) => failures.push(message));
    await expect(take(two, 'on-top')).rejects.toMatchObject({ code: 'index-unknown' });
    await eventually(async () => failures.length > 0);
    expect(await server.asAdmin('select seq from daybook.record')).toEqual([{ seq: '1' }]);
    await two[Symbol.asyncDispose]();
    await expect(cluster.open('two')).rejects.toMatchObject({ code: 'index-unknown' });
  });

  test('may be opened as often as one likes: a log has its number from the first time', async () => {
    await using postgres = openPostgres(server.url);
    const first = await openLogRows(postgres, 'first');
    for (let at = 0; at < 5; at += 1) expect((await openLogRows(postgres, 'first')).id).toBe(first.id);
    expect((await openLogRows(postgres, 'second')).id).toBe(first.id + 1);
  });

  test('takes no message whose particulars are not the last piece of it, and all others of its group', async () => {
    const one = await cluster.open('one');
    const facts = { particulars: 3 };
    const bad = one.log.append({ kind: 'intake', facts, payload: [Buffer.from('all in one piece')] });
    const good = take(one, 'beside');
    await expect(bad).rejects.toThrow(RangeError);
    const deciding = one.log.deciding((append) =>
      append({ kind: 'chunk', facts: null, payload: [Buffer.from('mail')] }),
    );
    await expect(deciding).rejects.toThrow('a decision takes no mail in');
    await good;
    await take(one, 'after');
    expect(one.log.head.seq).toBe(2);
  });

  test('answers readers with store-failed, whatever the database says', async () => {
    const one = await cluster.open('one');
    await take(one, 'kept');
    await server.asAdmin('alter table daybook.record rename to taken_away');
    await expect(one.log.slice(1, 0, 1)).rejects.toMatchObject({ code: 'store-failed' });
    await expect(one.log.record(1)).rejects.toMatchObject({ code: 'store-failed' });
    await server.asAdmin('alter table daybook.taken_away rename to record');
    expect(Buffer.from(await one.log.slice(1, 0, 4)).toString()).toBe('kept');
  });
});

describe.skipIf(longOfClusterLeftOut())('a database with a standby', () => {
  test('a wait for it that is broken off is no acknowledgement', async () => {
    await using server = await startPostgres();
    await using cluster = await openClusterFixture({ postgres: server.url, now: () => now });
    using time = quickClock();
    await using one = await keepWorker(cluster, 'one', time);
    await take(one, 'before');
    const setStandby = async (name: string): Promise<void> => {
      await server.asAdmin(`alter system set synchronous_standby_names = '${name}'`);
      await server.asAdmin('select pg_reload_conf()');
      const shown = async () =>
        (await server.asAdmin<{ name: string }>("select current_setting('synchronous_standby_names') as name"))[0];
      await eventually(async () => (await shown())?.name === name);
    };
    await setStandby('nobody');
    let cancelled = 0;
    let outcome = 'waits';
    const taken = take(one, 'alone').then(
      () => {
        outcome = 'acknowledged';
      },
      (error: unknown) => {
        outcome = String(error);
      },
    );
    const cancel = async (): Promise<boolean> => {
      const rows = await server.asAdmin(
        "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'",
      );
      cancelled += rows.length;
      return outcome !== 'waits';
    };
    await eventually(cancel, { withinMs: 40_000 });
    await taken;
    expect(cancelled).toBeGreaterThan(0);
    expect(outcome).toContain('could not write');
    expect(await server.log()).toContain('canceling wait for synchronous replication');
    await setStandby('');
    await eventually(async () => one.health.open);
    await take(one, 'after');
  });

  test('is passed over where it is named before the one that can be written to', async () => {
    await using standby = await startPostgres();
    await using primary = await startPostgres();
    await standby.stop();
    await writeFile(join(standby.data, 'standby.signal'), '');
    await standby.restart();
    expect(await standby.query('select pg_is_in_recovery() as waits')).toEqual([{ waits: true }]);
    const url = primary.url.replace('127.0.0.1:', `127.0.0.1:${standby.port},127.0.0.1:`);
    await using cluster = await openClusterFixture({ postgres: url, now: () => now });
    const one = await cluster.open('one');
    await take(one, 'written');
    expect(await primary.query('select seq from daybook.record')).toEqual([{ seq: '1' }]);
    await primary.stop();
    await using alone = openPostgres(url);
    const why = 'no database server can be written to: is a standby; connect ECONNREFUSED';
    await expect(alone.run({ text: 'select 1' })).rejects.toThrow(why);
  });
});
