import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { ask, type Postgres, postgresLeftOut, startPostgres } from './postgres.ts';
import { hasEnded, processesIn } from './processes.ts';

describe.skipIf(postgresLeftOut())('a PostgreSQL of a test', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: '12' } });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('lets its owner in by password only, and writes through to the disk', async () => {
    const [found] = await server.query<Record<string, unknown>>(
      `SELECT current_user AS who, current_database() AS base, rolsuper AS super, current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS pages, current_setting('data_checksums') AS sums,
        current_setting('max_connections') AS seats, current_setting('synchronous_commit') AS commit
       FROM pg_roles WHERE rolname = current_user`,
    );
    const durable = { fsync: 'on', pages: 'on', sums: 'on', commit: 'on' };
    expect(found).toEqual({ who: 'daybook', base: 'daybook', super: false, seats: '12', ...durable });
    expect(await server.asAdmin('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([
      { rolsuper: true },
    ]);
    await expect(ask(server.url.replace(server.password, 'guessed'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
  });

  test('keeps what was committed through kill, stop and restart, on the same port', async () => {
    await server.query('CREATE TABLE kept (id int PRIMARY KEY)');
    await server.query('INSERT INTO kept VALUES (1)');
    // A backend that computes does not notice that its postmaster is gone.
    const busy = ask(server.url, 'SELECT count(*) FROM generate_series(1, 4000000000)').catch(String);
    const isBusy = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 4%'";
    await eventually(async () => (await server.asAdmin(`${isBusy} AND pid <> pg_backend_pid()`)).length > 0);
    const before = processesIn(server.data);
    await server.kill();
    expect(await busy).toContain('terminated');
    expect(before.filter((pid) => !hasEnded(pid))).toEqual([]);
    expect(() => server.pid()).toThrow('does not run');
    await expect(server.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    await server.query('INSERT INTO kept VALUES ($1)', [2]);
    await server.stop();
    await server.restart();
    expect(await server.query('SELECT id FROM kept ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await server.log()).toContain('database system was not properly shut down');
  });

  test('stands still while it is paused, and goes on after', async () => {
    const client = new Client({ connectionString: server.url, query_timeout: 300 });
    await client.connect();
    await server.pause();
    await expect(client.query('SELECT 1')).rejects.toThrow('timeout');
    server.resume();
    expect(await server.query('SELECT 2 AS two')).toEqual([{ two: 2 }]);
    await client.end();
  });

  test('ends a session whose client is idle when it is stopped, also while it is paused', async () => {
    const client = new Client({ connectionString: server.url });
    // The connection that breaks is told after the reason.
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await server.pause();
    await server.stop();
    expect(await ended).toMatchObject({ code: '57P01' });
    await server.restart();
  });
});

test.skipIf(postgresLeftOut())('servers beside each other share nothing, and leave nothing', async () => {
  const [one, two] = await Promise.all([startPostgres(), startPostgres()]);
  const pids = [one.pid(), two.pid()];
  try {
    expect(one.port).not.toBe(two.port);
    await one.query('CREATE TABLE mine (id int)');
    await expect(two.query('SELECT * FROM mine')).rejects.toMatchObject({ code: '42P01' });
  } finally {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  }
  expect(pids.filter((pid) => !hasEnded(pid))).toEqual([]);
  await expect(one.log()).rejects.toMatchObject({ code: 'ENOENT' });
});

test.skipIf(postgresLeftOut())('a server that cannot start says why', async () => {
  await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow(
    'invalid value for parameter "max_connections": "many"',
  );
});
