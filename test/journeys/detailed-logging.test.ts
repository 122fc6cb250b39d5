import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { define, intakeOf, promised, statusOf } from '../support/journal-api.ts';
import { dateOf, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';
import { SmtpClient, stuff } from '../support/smtp-client.ts';

const secret = 'canary-password-91';
const words = { subject: 'canarysubject', body: 'canarybody' };
const report = (name: string): Buffer => {
  const { subject, body } = words;
  const original = buildMessage({ messageId: idOf(name), date: dateOf(), subject, body });
  return buildReport({ messageId: idOf(name), subject, originals: [original] });
};
const config = (pop3Port: number): string => `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 200ms }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    detailedLogging: true
    smtp: { useSmtpAuthentication: true, password: ${secret} }
  - id: mailbox
    description: Mailbox
    transport: pop3
    serviceEmailAddress: mailbox@journal.north.example
    deliveryWaitAttempts: 1
    detailedLogging: true
    pop3: { host: 127.0.0.1, port: ${pop3Port}, mailboxName: box, password: ${secret}, encrypted: false }
  - id: quiet
    description: Quiet
    transport: smtp
    serviceEmailAddress: quiet@journal.north.example
    deliveryWaitAttempts: 1
`;

const logs = async (daybook: Daybook): Promise<ReadonlyMap<string, string>> => {
  const folder = join(daybook.directory, 'data/logs');
  const names = await readdir(folder).catch(() => []);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
};
const logOf = async (daybook: Daybook, id: string): Promise<string> => (await logs(daybook)).get(`${id}.log`) ?? '';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plain = base64(`\0journal@journal.north.example\0${secret}`);
const login = ['AUTH LOGIN', base64('journal@journal.north.example'), base64(secret)];

async function send(daybook: Daybook, id: string, bytes: Buffer, ...commands: readonly string[]): Promise<string> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (const command of commands) await client.command(command);
  const { text } = await client.mail([`${id}@journal.north.example`], bytes);
  return promised(text).ids[0] ?? '';
}

/** A client that does not look at answers: its login and its DATA are refused, and it sends the mail all the same. */
async function sendBlindly(daybook: Daybook): Promise<void> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  await client.command(`PASS ${secret}`);
  await client.send('MAIL FROM:<>\r\nRCPT TO:<journal@journal.north.example>\r\nDATA\r\n');
  await client.send(stuff(report('blind')));
  await client.closed;
}

test('S13: the dialogue and the trace of each item are written where it is on, with no content and no secret', async () => {
  await using server = await openPop3Server({
    user: 'box',
    password: secret,
    items: [{ uidl: 'one', bytes: report('pulled') }],
  });
  await using daybook = await startDaybook({ config: config(server.port) });
  const id = await send(daybook, 'journal', report('pushed'), ...login);
  await send(daybook, 'journal', report('pushed again'), `AUTH PLAIN ${plain}`);
  await send(daybook, 'journal', report('and again'), 'AUTH PLAIN', plain);
  await sendBlindly(daybook);
  await send(daybook, 'quiet', report('unseen'));
  await eventually(async () => (await intakeOf(daybook, id)).state === 'archived', { what: 'the pushed one' });
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === 1, { what: 'the pulled one' });
  const exchange = await eventually(
    async () => {
      const text = await logOf(daybook, 'exchange');
      return text.includes(id) && text;
    },
    { what: 'the trace of the item' },
  );
  expect(exchange).toContain('AUTH LOGIN ***');
  expect(exchange).toContain('RCPT TO:<journal@journal.north.example>');
  expect(exchange).toMatch(/"item":"[^"]+","state":"archived"/);
  expect(exchange).toContain('"step":"parsed"');
  const mailbox = await eventually(
    async () => {
      const text = await logOf(daybook, 'mailbox');
      return text.includes('"state":"archived"') && text;
    },
    { what: 'the trace of the mailbox' },
  );
  expect(mailbox).toContain('"pop3":"> PASS ***"');
  expect(mailbox).toContain('"pop3":"> RETR 1"');
  expect([...(await logs(daybook)).keys()].toSorted()).toEqual(['exchange.log', 'mailbox.log']);
  await daybook.end('SIGTERM');
  const whole = await logOf(daybook, 'exchange');
  expect(whole).toContain('AUTH PLAIN ***');
  expect(whole).toContain('503 5.5.1 need RCPT command');
  const folder = join(daybook.directory, 'data/logs');
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'exchange.log'))).mode & 0o777).toBe(0o600);
  const canaries = [secret, base64(secret), plain, words.subject, words.body];
  for (const [name, text] of await logs(daybook)) {
    for (const canary of canaries) expect(text.includes(canary), `${canary} in ${name}`).toBe(false);
    for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('at');
  }
});

test('S13: switched on and off while the engine runs', async () => {
  const bare = 'logLevel: error\nstore: { minimumFree: 1MB }\ndirectory: { internalDomains: [north.example] }\n';
  await using daybook = await startDaybook({ config: `${bare}definitions: []\n` });
  const put = async (detailedLogging: boolean, version?: number) => {
    const document = {
      description: 'Made',
      transport: 'smtp',
      serviceEmailAddress: 'made@journal.north.example',
      deliveryWaitAttempts: 1,
      detailedLogging,
    };
    await define(daybook, 'made', document, { version });
    await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  };
  await put(false);
  await send(daybook, 'made', report('off'));
  expect(await logOf(daybook, 'made')).toBe('');
  await put(true, 1);
  await send(daybook, 'made', report('on'));
  await eventually(async () => (await logOf(daybook, 'made')).includes('RCPT'), { what: 'the dialogue' });
  await put(false, 2);
  await eventually(async () => (await statusOf(daybook, 'made')).counts.archived === 2, { what: 'both archived' });
  const before = await logOf(daybook, 'made');
  await send(daybook, 'made', report('off again'));
  await eventually(async () => (await statusOf(daybook, 'made')).counts.archived === 3, { what: 'all archived' });
  expect(await logOf(daybook, 'made')).toBe(before);
});

test('S13: switched on and off by a reload', async () => {
  await using server = await openPop3Server({ user: 'box', password: secret });
  await using daybook = await startDaybook({ config: config(server.port).replaceAll('detailedLogging: true', '') });
  await send(daybook, 'journal', report('off'), ...login);
  expect(await logs(daybook)).toEqual(new Map());
  const text = await readFile(daybook.configFile, 'utf8');
  const reload = async (more: string): Promise<void> => {
    await writeFile(daybook.configFile, text.replace('description: Quiet', `description: Quiet\n    ${more}`));
    process.kill(daybook.pid, 'SIGHUP');
    const wanted = more.endsWith('true');
    await eventually(
      async () => {
        const { detailedLogging } = await daybook.get<{ detailedLogging: boolean }>('/v1/definitions/quiet');
        return detailedLogging === wanted;
      },
      { what: 'the reload' },
    );
  };
  await reload('detailedLogging: true');
  await send(daybook, 'quiet', report('on'));
  await eventually(async () => (await logOf(daybook, 'quiet')).includes('"state":"archived"'), { what: 'the trace' });
  await reload('detailedLogging: false');
  const before = await logs(daybook);
  expect([...before.keys()]).toEqual(['quiet.log']);
  await send(daybook, 'quiet', report('off again'));
  await eventually(async () => (await statusOf(daybook, 'quiet')).counts.archived === 2, { what: 'both archived' });
  expect(await logs(daybook)).toEqual(before);
});

test('S13: with no place for its file, mail goes on as ever', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-detail-'));
  await mkdir(join(directory, 'data'), { mode: 0o700 });
  await writeFile(join(directory, 'data/logs'), 'in the way');
  await using server = await openPop3Server({
    user: 'box',
    password: secret,
    items: [{ uidl: 'one', bytes: report('pulled') }],
  });
  try {
    await using daybook = await startDaybook({ config: config(server.port), directory });
    const id = await send(daybook, 'journal', report('pushed'), ...login);
    await eventually(async () => (await intakeOf(daybook, id)).state === 'archived', { what: 'the pushed one' });
    await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === 1, {
      what: 'the pulled one',
    });
    const said = daybook
      .log()
      .split('\n')
      .filter((line) => line.includes('the detailed log could not be written'));
    expect(said.map((line) => JSON.parse(line).definition).toSorted()).toEqual(['exchange', 'mailbox']);
    expect(await daybook.end('SIGTERM')).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
