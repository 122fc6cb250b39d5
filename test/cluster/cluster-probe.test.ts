import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgresPrograms } from '../../bench/peers/postgres.ts';
import { type ClusterProbe, createClusterProbe, wordKeptMs } from '../../src/cluster/cluster-probe.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { openClusterFixture, takeInto } from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

/** A look from outside, at a real server and as a role that is no superuser. */
describe.skipIf(postgresLeftOut())('the probe of a cluster', () => {
  let server: Postgres;
  let database: ReturnType<typeof openPostgres>;
  let log: string;
  beforeAll(async () => {
    server = await startPostgres();
    database = openPostgres(server.url);
  });
  afterAll(async () => {
    await database?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    log = `log-${randomUUID()}`;
  });
  const probeOf = async (worker: string, name = log): Promise<ClusterProbe> => {
    const { id } = await openLogRows(database, name);
    return createClusterProbe({ postgres: database, log: id, worker });
  };

  test('an empty log has no end that anybody is behind of', async () => {
    expect(await (await probeOf('one')).end(0)).toEqual({ seq: 0, behindMs: 0 });
  });

  test('an index is as far behind as the oldest record that it lacks is old, and not at all at the end', async () => {
    await using cluster = await openClusterFixture({ postgres: server.url });
    const store = await cluster.open('one');
    const probe = await probeOf('one', cluster.log);
    await takeInto(store, 'first', { at: Date.now() });
    const first = store.log.head.seq;
    await eventually(async () => (await probe.end(first - 1)).behindMs >= 30, { what: 'an age' });
    expect((await probe.end(first - 1)).seq).toBe(first);
    await takeInto(store, 'second', { at: Date.now() });
    expect(await probe.end(store.log.head.seq)).toEqual({ seq: store.log.head.seq, behindMs: 0 });
    const ofSecond = await probe.end(first);
    expect((await probe.end(first - 1)).behindMs).toBeGreaterThanOrEqual(ofSecond.behindMs + 30);
  });

  test('each worker hears what the others said last, until they leave, or have been silent for a day', async () => {
    const [one, two] = [await probeOf('one'), await probeOf('two')];
    await one.say({ n: 1 });
    await one.say({ n: 2 });
    await two.say({ n: 3 });
    const words = await two.words();
    expect(words.map(({ worker, said }) => [worker, said])).toEqual([
      ['one', { n: 2 }],
      ['two', { n: 3 }],
    ]);
    for (const { agoMs } of words) expect(agoMs).toBeLessThan(10_000);
    await server.query(
      `update daybook.document set value = json_build_object('at', (value::json->>'at')::bigint - $1, 'said', 1)::text
       where room = 'worker' and owner = 'one'`,
      [wordKeptMs],
    );
    expect((await two.words()).map(({ worker }) => worker)).toEqual(['two']);
    await two.say({ n: 4 });
    const left = `select owner from daybook.document d join daybook.log l using (log) where l.name = $1 and d.room = 'worker'`;
    expect(await server.query(left, [log])).toEqual([{ owner: 'two' }]);
    await two.leave();
    expect(await one.words()).toEqual([]);
  });

  test('a server by itself is waited for by nobody', async () => {
    const { unsafe, isAwaited, standbys } = await (await probeOf('one')).durability();
    expect({ unsafe, isAwaited, standbys }).toEqual({ unsafe: [], isAwaited: false, standbys: 0 });
  });

  test('settings under which a commit may be lost are named', async () => {
    const probe = await probeOf('one');
    const set = (sql: string) => server.asAdmin(sql);
    // Not of the sessions that are open: the server waits for nobody in this test.
    await set('alter system set fsync = off');
    await set('alter system set full_page_writes = off');
    await set('alter system set synchronous_commit = local');
    try {
      await set('select pg_reload_conf()');
      await eventually(async () => (await probe.durability()).unsafe.length === 3);
      expect((await probe.durability()).unsafe).toEqual([
        'fsync = off',
        'full_page_writes = off',
        'synchronous_commit = local',
      ]);
    } finally {
      await set('alter system reset all');
      await set('select pg_reload_conf()');
    }
    await eventually(async () => (await probe.durability()).unsafe.length === 0);
  });

  test('a standby that is waited for and not there is seen by any role', async () => {
    const probe = await probeOf('one');
    await server.asAdmin(`alter system set synchronous_standby_names = 'nobody'`);
    try {
      await server.asAdmin('select pg_reload_conf()');
      await eventually(async () => (await probe.durability()).isAwaited);
      expect(await probe.durability()).toEqual({ unsafe: [], isAwaited: true, standbys: 0 });
    } finally {
      await server.asAdmin('alter system reset all');
      await server.asAdmin('select pg_reload_conf()');
    }
  });

  test('a standby that follows is counted by a role that may see it, and for another one is neither there nor missing', async () => {
    const probe = await probeOf('one');
    const folder = await mkdtemp(join(tmpdir(), 'daybook-receive-'));
    const program = join(postgresPrograms() ?? '', 'pg_receivewal');
    // It is to the server what a standby is: it says what it has synced.
    const to = `${server.adminUrl.replace(/daybook$/, '')}?application_name=copy`;
    const receiving = spawn(program, ['-D', folder, '--synchronous', '-d', to], { stdio: 'ignore' });
    try {
      await server.asAdmin(`alter system set synchronous_standby_names = 'copy'`);
      await server.asAdmin('select pg_reload_conf()');
      await eventually(async () => (await probe.durability()).standbys === null, { what: 'a standby' });
      await server.asAdmin('grant pg_monitor to daybook');
      await eventually(async () => (await probe.durability()).standbys === 1, { what: 'its state' });
      expect(await probe.durability()).toEqual({ unsafe: [], isAwaited: true, standbys: 1 });
    } finally {
      receiving.kill();
      await server.asAdmin('alter system reset all');
      await server.asAdmin('select pg_reload_conf()');
      await rm(folder, { recursive: true, force: true });
    }
  });
});
