import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { leftOut } from '../support/journey-partners.ts';
import { ask } from '../support/postgres.ts';
import { hasLoopDevices } from './disk.ts';
import { type PatroniCluster, type PatroniNode, patroniPrograms, startPatroni } from './patroni.ts';

/** Takes minutes and packages that nothing else needs, so only where it is asked for; then what is missing is a failure. */
const isAsked = process.env['DAYBOOK_CLUSTER'] !== undefined;
const createTable = 'CREATE TABLE kept (id bigint PRIMARY KEY)';
const hasDisks = !leftOut({ programs: ['mkfs.ext4', 'mount'], asRoot: true }) && (await hasLoopDevices());

describe.skipIf(!isAsked)(`three machines of ${patroniPrograms.join(' and ')}`, () => {
  let cluster: PatroniCluster;
  beforeAll(async () => {
    cluster = await startPatroni({ disks: hasDisks });
    await ask((await cluster.primary()).url, createTable);
  }, 150_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(() => cluster.healthy(), 130_000);

  test('have one primary, and a standby that each commit waits for', async () => {
    const [primary, standby] = [await cluster.primary(), await cluster.standby()];
    expect(standby.name).not.toBe(primary.name);
    const inRecovery = cluster.nodes.map(async (node) => {
      const [row] = await ask<{ readonly is: boolean }>(node.url, 'SELECT pg_is_in_recovery() AS is');
      return [node.name, row?.is];
    });
    expect(await Promise.all(inRecovery)).toEqual(cluster.nodes.map(({ name }) => [name, name !== primary.name]));
    const settings = ['fsync', 'full_page_writes', 'data_checksums', 'synchronous_commit', 'synchronous_standby_names'];
    const values = await Promise.all(settings.map((name) => shown(primary, name)));
    expect(values).toEqual(['on', 'on', 'on', 'on', standby.name]);
    await expect(ask(primary.url.replace(cluster.password, 'guessed'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
  });

  test('acknowledge nothing that only one of them has', async () => {
    const primary = await cluster.primary();
    const standbys = cluster.nodes.filter(({ name }) => name !== primary.name);
    const awaited = (await cluster.standby()).name;
    for (const standby of standbys) await cluster.kill(standby);
    // Patroni gives up on the standby that is gone; any other would do, but none is there.
    const named = (): Promise<string> => shown(primary, 'synchronous_standby_names');
    await eventually(async () => (await named()) !== awaited, { what: 'Patroni to notice', withinMs: 40_000 });
    expect(await named()).toBe('*');
    const client = new Client({ connectionString: primary.url, query_timeout: 2_000 });
    await client.connect();
    await expect(client.query('INSERT INTO kept VALUES (-1)')).rejects.toThrow('timeout');
    for (const standby of standbys) await cluster.start(standby);
    await cluster.healthy();
    // It waited for them, and was not lost.
    await eventually(async () => (await keptIds(cluster)).has(-1), { what: 'the row that waited' });
    await client.end();
  }, 150_000);

  test('have another primary within 40 s of a kill, with each row acknowledged before, and take the killed one back', async () => {
    const [before, writers] = [await cluster.primary(), await startWriting(cluster)];
    await cluster.kill(before);
    const killedAt = performance.now();
    const acknowledged = await writers.ended;
    const after = await cluster.primary(40_000);
    console.log(`another primary after ${Math.round(performance.now() - killedAt)} ms; ${acknowledged.length} rows`);
    expect(after.name).not.toBe(before.name);
    expect(lostOf(acknowledged, await keptIds(cluster))).toEqual([]);
    await cluster.start(before);
    await cluster.healthy();
    expect((await cluster.primary()).name).toBe(after.name);
    expect(await hasRow(before, acknowledged.at(-1))).toBe(true);
  }, 200_000);

  test('have another primary while theirs hangs, which is a standby when it goes on', async () => {
    const before = await cluster.primary();
    await cluster.pause(before);
    const after = await cluster.primary(40_000);
    expect(after.name).not.toBe(before.name);
    // What the next one acknowledges until the last moment is what a primary that takes its lease back would undo.
    const acknowledged = [-2, -3, -4, -5, -6];
    for (const id of acknowledged) await ask(after.url, 'INSERT INTO kept VALUES ($1)', [id]);
    cluster.resume(before);
    await cluster.healthy();
    expect((await cluster.primary()).name).toBe(after.name);
    expect(lostOf(acknowledged, await keptIds(cluster))).toEqual([]);
    await eventually(() => hasRow(before, acknowledged.at(-1)), { what: 'the rows of the time it hung' });
    await expect(ask(before.url, 'INSERT INTO kept VALUES (-9)')).rejects.toMatchObject({ code: '25006' });
  }, 200_000);

  test.skipIf(!hasDisks)(
    'have each row acknowledged before a power cut of all',
    async () => {
      const writers = await startWriting(cluster);
      await cluster.powerCut();
      const acknowledged = await writers.ended;
      await cluster.healthy();
      console.log(`${acknowledged.length} rows`);
      expect(lostOf(acknowledged, await keptIds(cluster))).toEqual([]);
    },
    200_000,
  );
});

test.skipIf(!isAsked || !hasDisks)(
  'three machines whose PostgreSQL syncs nothing lose rows by that cut, so it is one',
  async () => {
    await using cluster = await startPatroni({ disks: true, settings: { fsync: 'off' } });
    await ask((await cluster.primary()).url, createTable);
    const writers = await startWriting(cluster);
    await cluster.powerCut();
    const acknowledged = await writers.ended;
    // The table itself may be among what is lost.
    const kept = await keptIds(cluster).catch(() => new Set<number>());
    expect(lostOf(acknowledged, kept).length).toBeGreaterThan(0);
  },
  200_000,
);

/** Rows that must have been acknowledged before a fault, so that it comes in the midst of work. */
const rowsBefore = 300;
const lanes = 4;

/** Writes one row after the other in each lane until the server is gone. `ended` has the ids that were acknowledged. */
async function startWriting(cluster: PatroniCluster): Promise<{ readonly ended: Promise<readonly number[]> }> {
  const { url } = await cluster.primary();
  const first = 1 + Math.max(0, ...(await keptIds(cluster)));
  const acknowledged: number[] = [];
  let next = first;
  const lane = async (client: Client): Promise<void> => {
    let doubts = 0;
    // A commit whose wait for the standby was cancelled is told by a notice alone: nobody was promised anything.
    client.on('notice', () => doubts++);
    for (;;) {
      const [id, doubtsBefore] = [next++, doubts];
      await client.query('INSERT INTO kept VALUES ($1)', [id]);
      if (doubts === doubtsBefore) acknowledged.push(id);
    }
  };
  const clients = Array.from({ length: lanes }, () => new Client({ connectionString: url }));
  for (const client of clients) {
    client.on('error', () => undefined);
    await client.connect();
  }
  const ended = Promise.allSettled(clients.map(lane)).then(() => acknowledged);
  await eventually(async () => acknowledged.length >= rowsBefore, { what: `${rowsBefore} rows` });
  return { ended };
}

async function keptIds(cluster: PatroniCluster): Promise<ReadonlySet<number>> {
  const { url } = await cluster.primary();
  return new Set((await ask<{ readonly id: string }>(url, 'SELECT id FROM kept')).map(({ id }) => Number(id)));
}

/** Value of a parameter. */
async function shown(node: PatroniNode, name: string): Promise<string> {
  const [row] = await ask<{ readonly value: string }>(node.adminUrl, 'SELECT current_setting($1) AS value', [name]);
  return row?.value ?? '';
}

async function hasRow(node: PatroniNode, id: number | undefined): Promise<boolean> {
  return (await ask(node.url, 'SELECT 1 FROM kept WHERE id = $1', [id])).length === 1;
}

const lostOf = (acknowledged: readonly number[], kept: ReadonlySet<number>): readonly number[] =>
  acknowledged.filter((id) => !kept.has(id));
