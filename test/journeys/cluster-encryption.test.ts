import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf } from '../support/folders.ts';
import { all, define, type Entry, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { partner } from '../support/journey-partners.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { keyBytesOf, masterKey } from '../support/master-keys.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const recipient = 'journal@journal.north.example';
/** Words of the mail, of its subject, of an address in it, and a password: nothing at rest may hold them. */
const canaries = ['xylophone-body', 'xylophone-subject', 'xylophone@north.example', 'xylophone-password'] as const;
const [body, subject, person, password] = canaries;

/** Two workers whose database and folders an operator would not show to anybody, and need not. */
describe.skipIf(postgresLeftOut())('an encrypted cluster', () => {
  let folder: string;
  let postgres: Postgres;
  let one: Daybook;
  let two: Daybook;
  const sent: { readonly id: string; readonly sha256: string }[] = [];

  const keyFile = (): string => join(folder, 'master.key');
  const writeKey = async (name: string, path = keyFile()): Promise<string> => {
    await writeFile(path, keyBytesOf(name), { mode: 0o600 });
    await chmod(path, 0o600);
    return path;
  };
  const configOf = (worker: string, encryption = `, encryption: { keyFile: ${keyFile()} }`): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB${encryption} }
cluster: { postgres: "${postgres.url}", bodies: postgres, worker: ${worker} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
  const run = (daybook: Daybook, name: string, ...args: readonly string[]): Promise<Ended> =>
    command([name, '--config', daybook.configFile, ...args]);
  async function send(daybook: Daybook, count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const messageId = idOf(`sealed${sent.length}`);
      const text = `${body} ${'soup '.repeat(sent.length % 5 === 0 ? 90_000 : 900)}`;
      const original = buildMessage({ messageId, date: dateOf(), body: text, subject, to: person });
      const recipients = [{ address: person, type: 'to' }] as const;
      sent.push(
        await deliver(daybook.smtpPort, [recipient], buildReport({ messageId, originals: [original], recipients })),
      );
    }
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
  }
  const entriesOf = (daybook: Daybook): Promise<readonly Entry[]> => all(daybook, `/v1/messages?subject=${subject}`);
  /** Files below, of a server that runs too, that hold the text. */
  async function holding(where: string, text: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const file of await filesOf(where)) {
      const bytes = await readFile(join(where, file)).catch(() => Buffer.alloc(0));
      if (bytes.includes(text)) found.push(file);
    }
    return found;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daybook-sealed-cluster-'));
    await writeKey('one');
    postgres = await startPostgres();
    one = await startDaybook({ config: configOf('one') });
    two = await startDaybook({ config: configOf('two') });
    const address = 'm@journal.north.example';
    const settings = { transport: 'pop3', description: 'M', serviceEmailAddress: address };
    const place = { host: '127.0.0.1', port: 1, mailboxName: 'm' };
    await define(one, 'mailbox', { ...settings, pop3: { ...place, password, encrypted: false } });
    await send(one, 12);
    await send(two, 12);
  });
  afterAll(async () => {
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('no file of the database or of a worker holds a word of mail, and both workers show all of it', async () => {
    await postgres.asAdmin('checkpoint');
    const folders = [postgres.data, join(one.directory, 'data'), join(two.directory, 'data')];
    for (const text of canaries)
      for (const where of folders) expect([text, where, await holding(where, text)]).toEqual([text, where, []]);
    expect(await holding(postgres.data, 'exchange'), 'names of definitions stay in clear').not.toEqual([]);
    for (const daybook of [one, two]) {
      await eventually(async () => (await entriesOf(daybook)).length === sent.length);
      for (const { id } of await entriesOf(daybook)) {
        const raw = await daybook.fetch(`/v1/messages/${id}/raw`);
        expect(Buffer.from(await raw.arrayBuffer()).includes(body)).toBe(true);
      }
    }
  });

  test('the keys that workers share, of passwords and of heads, do not stand in it in clear', async () => {
    const rows = await postgres.query<{ owner: string; value: string }>(
      `select owner, value from daybook.document where room = 'file' order by owner`,
    );
    expect(rows.map(({ owner }) => owner)).toEqual(['definitions.key', 'evidence.key']);
    for (const { value } of rows) expect(value).toMatch(/^sealed:/);
    const names = ['definitions.key', 'evidence.key'];
    for (const name of names)
      expect(await readFile(join(one.directory, 'data', name))).toEqual(
        await readFile(join(two.directory, 'data', name)),
      );
  });

  test('verify reads all of it, and a message is proved by who has neither Daybook nor a key', async () => {
    const verified = await run(one, 'verify');
    expect(verified.stdout).toMatch(new RegExp(`encrypted under the master key ${masterKey().id}\\n.*no fault`, 's'));
    const file = join(folder, 'proof.json');
    const { id, sha256 } = sent[5]!;
    expect((await run(two, 'prove', id, '--to', file)).code).toBe(0);
    const checker = join(import.meta.dirname, '../../packaging/check-proof.mjs');
    const checked = await partner(process.execPath, [checker, file, join(one.directory, 'data', 'evidence.pub')]);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(sha256) });
  });

  test('a byte changed in the database is found and named', async () => {
    const flip = 'set bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1)';
    const [{ least } = { least: '' }] = await postgres.query<{ least: string }>(
      'select min(body) as least from daybook.body',
    );
    await postgres.query(`update daybook.body ${flip} where body = $1`, [least]);
    expect(await run(one, 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/DAMAGED the log in the database \(record \d+\): the payload/),
    });
    await postgres.query(`update daybook.body ${flip} where body = $1`, [least]);
    expect((await run(one, 'verify')).code).toBe(0);
  });

  test('without the key, and with another, a worker is refused with what is wrong and code 78', async () => {
    expect(await two.end('SIGTERM')).toBe(0);
    const other = await writeKey('three', join(folder, 'other.key'));
    const text = await readFile(two.configFile, 'utf8');
    for (const instead of ['', `, encryption: { keyFile: ${other} }`]) {
      await writeFile(two.configFile, text.replace(/, encryption: \{[^}]*\}/, instead));
      for (const name of ['run', 'verify', 'rebuild-index']) {
        const { code, stderr } = await run(two, name);
        expect([name, code, stderr]).toEqual([name, 78, expect.stringContaining(masterKey().id)]);
      }
    }
    await writeFile(two.configFile, text);
  });

  test('another master key takes its place worker by worker, and the old one opens nothing', async () => {
    const next = await writeKey('two', join(folder, 'next.key'));
    expect((await run(one, 'rekey', '--to', next)).code, 'while it runs').toBe(75);
    expect(await one.end('SIGTERM')).toBe(0);
    for (const daybook of [one, two]) {
      const { code, stdout } = await run(daybook, 'rekey', '--to', next);
      expect([code, stdout]).toEqual([0, expect.stringContaining(masterKey('two').id)]);
      expect(await run(daybook, 'run')).toMatchObject({
        code: 78,
        stderr: expect.stringContaining(masterKey('two').id),
      });
    }
    await writeKey('two');
    one = await one.restart();
    two = await two.restart();
    await send(one, 1);
    for (const daybook of [one, two])
      await eventually(async () => (await entriesOf(daybook)).length === sent.length, { withinMs: 10_000 });
  });
});
