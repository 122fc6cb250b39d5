import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { filesOf } from '../support/folders.ts';
import { define } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const names = ['definitions.key', 'evidence.key'] as const;

/** Who has the database has no password by it: the keys are nowhere but on the workers. */
describe.skipIf(postgresLeftOut())('a cluster whose keys are in files', () => {
  let folder: string;
  let postgres: Postgres;
  let mailbox: Pop3Server;
  let one: Daybook;

  const configOf = (worker: string, keys = 'files'): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${postgres.url}", bodies: postgres, worker: ${worker}, keys: ${keys} }
directory: { internalDomains: [north.example] }
`;
  const keyOf = (daybook: Daybook, name: string): Promise<Buffer> => readFile(join(daybook.directory, 'data', name));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daybook-keys-in-files-'));
    postgres = await startPostgres();
    mailbox = await openPop3Server({ user: 'm', password: 'swordfish' });
    one = await startDaybook({ config: configOf('one') });
    const { port } = mailbox;
    const pop3 = { host: '127.0.0.1', port, mailboxName: 'm', password: 'swordfish', encrypted: false };
    const common = { transport: 'pop3', description: 'M', serviceEmailAddress: 'm@journal.north.example' };
    await define(one, 'mailbox', { ...common, pop3 });
  });
  afterAll(async () => {
    await one?.[Symbol.asyncDispose]();
    await mailbox?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('no file of the database has one, in whatever writing', async () => {
    await postgres.asAdmin('checkpoint');
    const writings = await Promise.all(
      names.map(async (name) => {
        const key = await keyOf(one, name);
        return (['latin1', 'base64', 'hex'] as const).map((writing) => Buffer.from(key.toString(writing), 'latin1'));
      }),
    );
    for (const file of await filesOf(postgres.data)) {
      const bytes = await readFile(join(postgres.data, file)).catch(() => Buffer.alloc(0));
      for (const writing of writings.flat()) expect(bytes.includes(writing), file).toBe(false);
    }
  });

  test('a new worker is refused until it is given them, and reads the passwords then', async () => {
    const [directory, at] = [join(folder, 'two'), join(folder, 'two.yaml')];
    await mkdir(join(directory, 'data'), { recursive: true });
    await writeFile(
      at,
      `dataDir: ${join(directory, 'data')}\nhttp: { port: 0 }\nsmtp: { port: 0 }\n${configOf('two')}`,
    );
    for (const name of names) {
      const { code, stderr } = await command(['run', '--config', at]);
      expect([code, stderr]).toEqual([78, expect.stringContaining(`${name} is not the one of the cluster`)]);
      expect(await filesOf(join(directory, 'data')), 'none of its own is in the way').not.toContain(name);
      await copyFile(join(one.directory, 'data', name), join(directory, 'data', name));
    }
    await using two = await startDaybook({ config: configOf('two'), directory });
    for (const name of names) expect(await keyOf(two, name)).toEqual(await keyOf(one, name));
    for (const daybook of [one, two]) {
      const tested = await daybook.fetch('/v1/definitions/mailbox/test', { method: 'POST' });
      expect(await tested.json()).toMatchObject({ ok: true });
    }
    expect(await two.end('SIGTERM')).toBe(0);
  });

  test('a worker that joins while they are in the database takes them out of it', async () => {
    const inDatabase = async (): Promise<readonly string[]> => {
      const text = `select value from daybook.document where room = 'file' order by owner`;
      return (await postgres.query<{ value: string }>(text)).map(({ value }) => value);
    };
    const { directory } = one;
    const kept = await Promise.all(names.map((name) => keyOf(one, name)));
    expect(await one.end('SIGTERM')).toBe(0);
    await using again = await startDaybook({ config: configOf('one', 'database'), directory });
    expect(await inDatabase()).toEqual(kept.map((key) => key.toString('base64')));
    await using three = await startDaybook({ config: configOf('three') });
    expect(await Promise.all(names.map((name) => keyOf(three, name)))).toEqual(kept);
    for (const value of await inDatabase()) expect(value).toMatch(/^sha256:/);
    for (const daybook of [three, again]) expect(await daybook.end('SIGTERM')).toBe(0);
  });
});
