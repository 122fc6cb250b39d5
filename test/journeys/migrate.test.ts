import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { partner } from '../support/journey-partners.ts';
import { masterKeyFile } from '../support/master-keys.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const configWith = (store: string, backend: string, url: string): string => `
logLevel: warn
store: { backend: ${backend}, minimumFree: 1MB, segmentSize: 1MB${store} }
cluster: { postgres: "${url}", bodies: postgres, worker: one }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: At once
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
  - id: slow
    description: Waits
    transport: smtp
    serviceEmailAddress: slow@journal.north.example
    initialProcessDelay: 30m
`;
const waitingOnes = 5;

const archives = [
  { name: 'the commands of a move', store: '' },
  { name: 'the commands of a move, the archive encrypted', store: `, encryption: { keyFile: ${masterKeyFile()} }` },
];

/** An operator moves an archive into a cluster and back, by the commands of the runbook. */
describe.skipIf(postgresLeftOut()).each(archives)('$name', ({ store }) => {
  const config = (backend: string, url: string): string => configWith(store, backend, url);
  let postgres: Postgres;
  let daybook: Daybook;
  let sent = 0;
  let before: Shown;
  beforeAll(async () => {
    postgres = await startPostgres();
    daybook = await startDaybook({ config: config('embedded', postgres.url) });
    await send(25);
    for (let at = 0; at < waitingOnes; at += 1)
      await deliver(daybook.smtpPort, ['slow@journal.north.example'], lunchReport(`slow${at}`));
  });
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    if (daybook !== undefined) await rm(daybook.directory, { recursive: true, force: true });
  });

  test('plan says what there is, and writes nothing', async () => {
    const plan = json<{ source: { records: number }; target: object; refusals: readonly string[] }>(await run('plan'));
    expect(plan).toMatchObject({ target: { state: 'empty', records: 0, workers: [] }, refusals: [] });
    expect(plan.source.records).toBeGreaterThan(30);
    const [tables] = await postgres.query(`select to_regclass('daybook.log') as log`);
    expect(tables).toEqual({ log: null });
  });

  test('copy goes on while mail comes in, and finish waits for the end of the engine', async () => {
    const first = json<{ records: number }>(await run('copy'));
    await send(5);
    expect(json<{ records: number }>(await run('copy')).records).toBeGreaterThan(first.records);
    expect(await run('finish')).toMatchObject({ code: 75 });
    before = await shown();
    await daybook.end('SIGTERM');
    const done = json(await run('finish'));
    expect(done).toMatchObject({ waiting: waitingOnes, root: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(json(await run('finish'))).toEqual({ already: true });
    const started = await command(['run', '--config', daybook.configFile]);
    expect(started).toMatchObject({ code: 1, stderr: expect.stringContaining('lies in a cluster') });
  });

  test('the engine goes on in the cluster: same mail, same deadlines, proofs from before', async () => {
    daybook = await startAs('cluster');
    expect(await shown()).toEqual(before);
    await send(3);
    expect((await shown()).entries).toHaveLength(before.entries.length + 3);
    const file = join(daybook.directory, 'proof.json');
    const [oldest] = await all<Entry & { observations: readonly { intakeId: string }[] }>(daybook, '/v1/messages');
    const id = oldest?.id ?? '';
    const proved = await command(['prove', id, '--to', file, '--config', daybook.configFile]);
    expect([proved.code, proved.stderr]).toEqual([0, expect.any(String)]);
    const checker = join(import.meta.dirname, '../../packaging/check-proof.mjs');
    const key = join(daybook.directory, 'data', 'evidence.pub');
    expect(await partner(process.execPath, [checker, file, key])).toMatchObject({ code: 0 });
  });

  test('verify reads all of it while mail goes on, and writes a report', async () => {
    const file = join(daybook.directory, 'moved.json');
    const report = json<{ records: number }>(await run('verify', '--report', file));
    expect(report).toMatchObject({ faults: [], compared: expect.any(Number) });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(report);
    expect(await run('plan')).toMatchObject({ code: 1, stderr: expect.stringContaining('lies in a cluster already') });
  });

  test('back brings all of it to files again, and its heads and hashes hold', async () => {
    expect(await run('back')).toMatchObject({ code: 0 });
    expect(await run('back', '--finish')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('workers run on the log'),
    });
    await send(2);
    before = await shown();
    await daybook.end('SIGTERM');
    expect(json(await run('back', '--finish'))).toMatchObject({ root: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const verified = await command(['verify', '--json', '--config', daybook.configFile]);
    expect(json(verified)).toMatchObject({ faults: [] });
    daybook = await startAs('embedded');
    expect(await shown()).toEqual(before);
  });

  interface Shown {
    readonly entries: readonly Entry[];
    readonly waiting: readonly IntakeItem[];
    readonly counts: object;
  }
  async function shown(): Promise<Shown> {
    const intakes = await all<IntakeItem & { nextAttemptAt: unknown }>(daybook, '/v1/intake?definition=slow');
    return {
      entries: await all<Entry>(daybook, '/v1/messages'),
      waiting: intakes.filter(({ nextAttemptAt }) => nextAttemptAt !== null),
      counts: (await statusOf(daybook, 'exchange')).counts,
    };
  }
  async function send(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      sent += 1;
      await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(`n${sent}`));
    }
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0, {
      withinMs: 20_000,
    });
  }
  const run = (name: string, ...args: readonly string[]): Promise<Ended> =>
    command(['migrate', name, '--json', '--config', daybook.configFile, ...args]);
  const json = <T>({ code, stdout, stderr }: Ended): T => {
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as T;
  };
  /** The same folder and ports, as the operator sets them now. */
  async function startAs(backend: string): Promise<Daybook> {
    const text = await readFile(daybook.configFile, 'utf8');
    await writeFile(daybook.configFile, text.replace(/backend: \w+/, `backend: ${backend}`));
    const { directory, smtpPort, httpPort } = daybook;
    return startDaybook({ config: config(backend, postgres.url), directory, ports: [smtpPort, httpPort] });
  }
});
