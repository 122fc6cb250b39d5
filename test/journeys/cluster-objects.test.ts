import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, entryOf, intakeOf, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf, lunchReport, sha256 } from '../support/journey-mail.ts';
import { type ObjectStore, objectStoreLeftOut, startObjectStore } from '../support/object-store.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { longOfClusterLeftOut, type Postgres, startPostgres } from '../support/postgres.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const address = 'journal@journal.north.example';
const config = (url: string, { secretKey, ...place }: S3Place, mailbox: Pop3Server): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB }
cluster:
  postgres: "${url}"
  synchronousStandby: none
  worker: one
  s3: ${JSON.stringify({ ...place, secretKey: secretKey.reveal() })}
pop3: { pollInterval: 300ms }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: ${address}
    deliveryWaitAttempts: 1
  - id: mailbox
    description: The journaling mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${mailbox.port}, mailboxName: box, password: secret, encrypted: false }
`;

/** A whole worker, as an operator runs it, whose bodies lie in a bucket of Ceph. */
describe.skipIf(longOfClusterLeftOut() || objectStoreLeftOut())('a worker on object storage', () => {
  let objects: ObjectStore;
  let postgres: Postgres;
  let mailbox: Pop3Server;
  let place: S3Place;
  let daybook: Daybook;
  beforeAll(async () => {
    [objects, postgres, mailbox] = await Promise.all([startObjectStore(), startPostgres(), openPop3Server()]);
    place = await objects.bucket();
    daybook = await startDaybook({ config: config(postgres.url, place, mailbox) });
  }, 120_000);
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
    for (const partner of [mailbox, postgres, objects]) await partner?.[Symbol.asyncDispose]();
  });

  const archived = async (id: string): Promise<Entry> => {
    const item = await eventually(async () => {
      const now = await intakeOf(daybook, id).catch(() => undefined);
      return now?.state === 'archived' && now;
    });
    return entryOf(daybook, item.entryId ?? '');
  };
  const raw = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await daybook.fetch(`${path}/raw`)).arrayBuffer());
  const warnings = async (): Promise<readonly { code: string; text: string }[]> =>
    (await daybook.get<{ engine: { warnings: { code: string; text: string }[] } }>('/v1/status')).engine.warnings;
  const codes = async () => (await warnings()).map(({ code }) => code);
  const send = async (name: string) => {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    return await client.mail([address], lunchReport(name), 'MicrosoftExchange0@north.example');
  };

  test('a report lies in a pack, is found, read byte for byte, verified and exported, and its row alone in the database', async () => {
    const report = lunchReport('soup');
    const { id } = await deliver(daybook.smtpPort, [address], report);
    const entry = await archived(id);
    const found = await all<Entry>(daybook, `/v1/messages?messageId=${encodeURIComponent(idOf('soup'))}`);
    expect(found.map((each) => each.id)).toEqual([entry.id]);
    expect((await raw(`/v1/intake/${id}`)).equals(report)).toBe(true);
    const message = await raw(`/v1/messages/${entry.id}`);
    expect(sha256(message)).toBe(entry.sha256);
    // Started anew, so that nothing is read from memory.
    await daybook.end('SIGKILL');
    daybook = await daybook.restart();
    expect((await raw(`/v1/messages/${entry.id}`)).equals(message)).toBe(true);
    await using bucket = s3Client({ place, random: Math.random }, asyncScheduler);
    const packs: Buffer[] = [];
    for await (const { key, size } of bucket.list('daybook/')) packs.push((await bucket.get(key, 0, size)) as Buffer);
    expect(packs.filter((pack) => pack.includes(report))).toHaveLength(1);
    expect(await postgres.query('select from daybook.body')).toEqual([]);
    const verified = await command(['verify', '--config', daybook.configFile]);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('no fault')]);
    const to = await mkdtemp(join(tmpdir(), 'daybook-objects-'));
    const exported = await command(['export', '--to', to, '--format', 'eml', '--config', daybook.configFile]);
    expect(exported).toMatchObject({ code: 0 });
    const files = (await readdir(to, { recursive: true })).filter((name) => name.endsWith('.eml'));
    expect(await Promise.all(files.map((name) => readFile(join(to, name))))).toEqual([message]);
    await rm(to, { recursive: true });
  }, 60_000);

  test('while the bucket is away SMTP says 451, no mailbox is touched, it is told, and all of it ends by itself', async () => {
    const { id } = await deliver(daybook.smtpPort, [address], lunchReport('before'));
    const entry = await archived(id);
    await daybook.end('SIGTERM');
    daybook = await daybook.restart();
    const dated = mailbox.commands.length;
    await objects.killGateway();
    mailbox.items.push({ uidl: 'kept', bytes: lunchReport('kept') });
    expect(await send('refused')).toEqual({ code: 451, text: '4.3.0 mail cannot be stored now' });
    const told = await eventually(async () => (await warnings()).find(({ code }) => code === 'storage') ?? false, {
      what: 'a warning of the storage',
      withinMs: 40_000,
    });
    expect(told.text).toMatch(
      /^no mail can be put into object storage, and none is taken until it can: .*ECONNREFUSED/,
    );
    expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'error', reason: 'storage' });
    const polled = await eventually(
      async () => {
        const status = await statusOf(daybook, 'mailbox');
        return status.serviceStatus === 'error' && status;
      },
      { what: 'a mailbox in error', withinMs: 60_000 },
    );
    expect(polled).toMatchObject({ reason: 'storage' });
    const answers = ['/readyz', '/v1/messages', `/v1/messages/${entry.id}`, `/v1/messages/${entry.id}/raw`];
    expect(await Promise.all(answers.map(async (path) => (await daybook.fetch(path)).status))).toEqual([
      200, 200, 200, 503,
    ]);
    const { components } = await daybook.get<{ components: { name: string; status: string }[] }>('/v1/health');
    expect(components).toContainEqual(expect.objectContaining({ name: 'store', status: 'degraded' }));
    const commands = mailbox.commands.slice(dated);
    expect([commands.includes('RETR 1'), commands.some((line) => line.startsWith('DELE'))]).toEqual([true, false]);
    await objects.startGateway();
    await eventually(async () => mailbox.items.length === 0, { what: 'the mailbox taken in', withinMs: 60_000 });
    await eventually(async () => !(await codes()).includes('storage'), { what: 'an end of it', withinMs: 30_000 });
    expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'active' });
    expect(await send('taken')).toMatchObject({ code: 250 });
    expect((await raw(`/v1/messages/${entry.id}`)).length).toBeGreaterThan(0);
  }, 180_000);

  test('a worker that is stopped while mail waits for the bucket ends in order, and the mail comes again', async () => {
    await objects.killGateway();
    const before = mailbox.commands.length;
    mailbox.items.push({ uidl: 'cut', bytes: lunchReport('cut') });
    const cut = send('first').catch((error: unknown) => String(error));
    await eventually(async () => mailbox.commands.slice(before).includes('RETR 1'), { what: 'mail under way' });
    expect(await daybook.end('SIGTERM')).toBe(0);
    expect(await cut).not.toMatchObject({ code: 250 });
    expect(mailbox.items).toHaveLength(1);
    await objects.startGateway();
    daybook = await daybook.restart();
    expect(await send('first')).toMatchObject({ code: 250 });
    await eventually(async () => mailbox.items.length === 0, { what: 'the mailbox taken in', withinMs: 60_000 });
  }, 120_000);

  test('where no mail comes it is told too, and its end as well', async () => {
    expect(await codes()).not.toContain('storage');
    await objects.killGateway();
    await eventually(async () => (await codes()).includes('storage'), { what: 'a warning', withinMs: 60_000 });
    await objects.startGateway();
    await eventually(async () => !(await codes()).includes('storage'), { what: 'an end of it', withinMs: 30_000 });
  }, 120_000);
});
