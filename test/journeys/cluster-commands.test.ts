import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const count = 12;
const config = (url: string): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${url}", bodies: postgres, worker: one }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
`;

test.each(['run', 'rebuild-index'])('%s ends with 75, try again, where no database answers', async (name) => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-away-'));
  try {
    const file = join(folder, 'daybook.yaml');
    const ports = `http: { port: ${await freePort()} }\nsmtp: { port: ${await freePort()} }\n`;
    await writeFile(file, ports + config(`postgres://daybook@127.0.0.1:${await freePort()}/daybook`));
    const { code, stderr } = await command([name, '--config', file]);
    expect(code, stderr).toBe(75);
    expect(stderr.match(/the store could not write: no database server can be written to/g)).toHaveLength(1);
    expect(stderr).toContain('ECONNREFUSED');
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** The commands that read or write a data directory, where the commit log does not lie in it. */
describe.skipIf(postgresLeftOut())('commands of a worker', () => {
  let postgres: Postgres;
  let daybook: Daybook;
  let head: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    daybook = await startDaybook({ config: config(postgres.url) });
    for (let at = 0; at < count; at += 1)
      await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(`n${at}`));
    await eventually(async () => (await statusOf(daybook, 'exchange')).counts.archived === count);
  });
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const run = (...args: readonly string[]): Promise<Ended> => command([...args, '--config', daybook.configFile]);

  test('verify reads every record from the database, beside the engine and without it', async () => {
    const { segments, bytes } = await daybook.get<{ segments: number | null; bytes: { log: number } }>('/v1/store');
    expect([segments, bytes.log > 0]).toEqual([null, true]);
    const running = await run('verify', '--json');
    expect([running.code, running.stderr]).toEqual([0, '']);
    const report = JSON.parse(running.stdout);
    expect(report.records).toBeGreaterThan(count);
    head = join(daybook.directory, 'head.json');
    await writeFile(head, (await run('head')).stdout);
    expect(await daybook.end('SIGTERM')).toBe(0);
    const resting = await run('verify', '--against', head, '--json');
    expect([resting.code, resting.stderr]).toEqual([0, '']);
    expect(JSON.parse(resting.stdout).size).toBeGreaterThanOrEqual(report.size);
    expect(await run('verify', '--quick')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[1-9]\d* records, (?:.*\n)*no fault/),
    });
  });

  test('a byte changed in the database is found and named, and no command claims to mend it', async () => {
    const flip = `set bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1)`;
    const [{ body } = { body: '' }] = await postgres.query<{ body: string }>(
      'select min(body) as body from daybook.body',
    );
    await postgres.query(`update daybook.body ${flip} where body = $1`, [body]);
    const found = await run('verify');
    expect([found.code, found.stdout]).toEqual([
      1,
      expect.stringMatching(/^DAMAGED the log in the database \(record \d+\): the payload of record \d+ is not what/),
    ]);
    expect(await run('repair', '--apply')).toMatchObject({ code: 1, stdout: expect.stringContaining('left as it is') });
    await postgres.query(`update daybook.body ${flip} where body = $1`, [body]);
    expect((await run('verify')).code).toBe(0);
    expect(await run('repair', '--plan')).toMatchObject({ code: 0, stdout: 'nothing is damaged\n' });
  });

  test('a record taken out of the database is found', async () => {
    await postgres.query('delete from daybook.record where seq = 5');
    const found = await run('verify', '--against', head);
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('record 5')]);
  });

  test('what works on files of the log says where to look instead', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-cluster-backup-'));
    const words = [
      [['backup', '--to', folder], 'its PostgreSQL, with all that is shared'],
      [['restore', '--from', folder], 'restore its PostgreSQL'],
      [['repair', '--plan', '--from', folder], 'no segments to take from a backup'],
    ] as const;
    for (const [args, text] of words)
      expect(await run(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(text) });
    await rm(folder, { recursive: true });
  });
});

describe.skipIf(postgresLeftOut())('the index of a worker', () => {
  test('is made anew from the database by rebuild-index, and by the start of a worker whose folder is empty', async () => {
    await using postgres = await startPostgres();
    await using one = await startDaybook({ config: config(postgres.url) });
    for (let at = 0; at < count; at += 1)
      await deliver(one.smtpPort, ['journal@journal.north.example'], lunchReport(`n${at}`));
    await eventually(async () => (await statusOf(one, 'exchange')).counts.archived === count);
    const shown = async (daybook: Daybook) => ({
      entries: await all<Entry>(daybook, '/v1/messages'),
      ledger: await daybook.get('/v1/ledger'),
      counts: (await statusOf(daybook, 'exchange')).counts,
    });
    const before = await shown(one);
    expect(await one.end('SIGTERM')).toBe(0);
    const rebuilt = await command(['rebuild-index', '--config', one.configFile]);
    expect([rebuilt.code, rebuilt.stderr]).toEqual([0, expect.any(String)]);
    await using again = await one.restart();
    expect(await shown(again)).toEqual(before);
    expect(await again.end('SIGTERM')).toBe(0);
    await rm(join(again.directory, 'data'), { recursive: true });
    await using empty = await again.restart();
    expect(await shown(empty)).toEqual(before);
  }, 120_000);
});
