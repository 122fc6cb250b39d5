import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { intakeOf, promised, statusOf } from '../support/journal-api.ts';
import { dateOf, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';
import { SmtpClient } from '../support/smtp-client.ts';

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

async function send(daybook: Daybook, id: string, bytes: Buffer, login: boolean): Promise<string> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  if (login) {
    await client.command('AUTH LOGIN');
    await client.command(Buffer.from(`${id}@journal.north.example`).toString('base64'));
    await client.command(Buffer.from(secret).toString('base64'));
  }
  const { text } = await client.mail([`${id}@journal.north.example`], bytes);
  return promised(text).ids[0] ?? '';
}

test('S13: the dialogue and the trace of each item are written where it is on, with no content and no secret', async () => {
  await using server = await openPop3Server({
    user: 'box',
    password: secret,
    items: [{ uidl: 'one', bytes: report('pulled') }],
  });
  await using daybook = await startDaybook({ config: config(server.port) });
  const id = await send(daybook, 'journal', report('pushed'), true);
  await send(daybook, 'quiet', report('unseen'), false);
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
  const canaries = [secret, Buffer.from(secret).toString('base64'), words.subject, words.body];
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
    const headers = {
      'content-type': 'application/json',
      ...(version === undefined ? {} : { 'if-match': `${version}` }),
    };
    await daybook.fetch('/v1/definitions/made', { method: 'PUT', body: JSON.stringify(document), headers });
    await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  };
  await put(false);
  await send(daybook, 'made', report('off'), false);
  expect(await logOf(daybook, 'made')).toBe('');
  await put(true, 1);
  await send(daybook, 'made', report('on'), false);
  await eventually(async () => (await logOf(daybook, 'made')).includes('RCPT'), { what: 'the dialogue' });
  await put(false, 2);
  await eventually(async () => (await statusOf(daybook, 'made')).counts.archived === 2, { what: 'both archived' });
  const before = await logOf(daybook, 'made');
  await send(daybook, 'made', report('off again'), false);
  await eventually(async () => (await statusOf(daybook, 'made')).counts.archived === 3, { what: 'all archived' });
  expect(await logOf(daybook, 'made')).toBe(before);
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
    const id = await send(daybook, 'journal', report('pushed'), true);
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
