import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { gapsState } from '../../src/engine/gaps.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf } from '../support/folders.ts';
import { all, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { SmtpClient } from '../support/smtp-client.ts';

/** What would end a line, begin another, move a cursor, or turn the direction of what is read. */
const hostile = 'a\u001b[2J\u001b]0;owned\u0007\u009b31m\u0085\u2028\u2029\u202e\0{"level":60,"forged":true}';
const encoded = (text: string): string =>
  `=?utf-8?B?${Buffer.from(`\r\n${text}\r\nBcc: eve@north.example`).toString('base64')}?=`;
/** Nothing of it may reach a terminal or stand in a line; LF is what ends our own lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

let daybook: Daybook;
let server: Pop3Server;
const config = (port: number): string => `
logLevel: debug
store: { minimumFree: 1MB }
pop3: { pollInterval: 200ms, timeout: 5s }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1, detailedLogging: true }
  - id: mailbox
    description: Mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    detailedLogging: true
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: box, password: secret, encrypted: false }
`;

/** Hostile text in each place that a sender fills. */
function hostileReport(name: string): Buffer {
  const original = buildMessage({
    messageId: `<${name}.${Buffer.from(hostile).toString('latin1')}@north.example>`,
    date: dateOf(),
    from: `${encoded(hostile)} <ada@north.example>`,
    subject: encoded(hostile),
    headers: [`Content-Type: text/plain; name="../../${hostile}"`, `X-${hostile}: x`],
  });
  const recipients = [{ address: 'bo@north.example' }, { address: `"${hostile}"@north.example` }];
  return buildReport({
    messageId: idOf(name),
    subject: encoded(hostile),
    sender: `"${hostile}"@north.example`,
    recipients,
    headers: [`X-Hostile: ${hostile}`],
    originals: [original],
  });
}

beforeAll(async () => {
  const uidl = `x\u001b[2J${'../'.repeat(8)}etc/passwd`;
  server = await openPop3Server({
    items: [
      { uidl, bytes: hostileReport('pulled') },
      { uidl: 'refused', bytes: hostileReport('refused') },
    ],
    script: (line, { write }) => {
      if (line !== 'RETR 2' && line !== 'RETR 1') return false;
      if (line === 'RETR 1' && server.items.length > 1) return false;
      write(Buffer.from(`-ERR ${hostile} no\r\n`));
      return true;
    },
  });
  daybook = await startDaybook({ config: config(server.port) });
  await deliver(daybook.smtpPort, ['journal@journal.north.example'], hostileReport('pushed'));
  await talkHostile();
  const archived = async () => (await statusOf(daybook, 'exchange')).counts.archived === 1;
  await eventually(archived, { what: 'the pushed one' });
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.received === 1, { what: 'the pulled one' });
  const blocked = async () => (await all(daybook, '/v1/events?type=pop3.blocked')).length > 0;
  await eventually(blocked, { what: 'the refused one' });
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Every answer, whatever was asked, is lines of three digits and printable text, and no more of them than were asked for. */
async function talkHostile(): Promise<void> {
  const text = hostile.replaceAll('\n', '');
  for (const line of [`EHLO ${text}`, `EHLO a\rb`, `HELO x\r250 y`, `MAIL FROM:<${text}@x>`, `VRFY ${text}`, text]) {
    await using client = await SmtpClient.connect(daybook.smtpPort);
    await client.reply();
    const answer = await client.command(line);
    expect(answer.text, JSON.stringify(line)).not.toMatch(unprintable);
    expect(answer.text, JSON.stringify(line)).not.toContain('\r');
  }
}

test('nothing that a sender wrote is obeyed by a terminal, whatever command shows it', async () => {
  const [entry] = await all<{ readonly id: string }>(daybook, '/v1/messages');
  const items = await all<IntakeItem>(daybook, '/v1/intake');
  for (const args of [
    ['messages', 'list'],
    ['messages', 'show', entry?.id ?? ''],
    ['intake', 'list'],
    ...items.map(({ id }) => ['intake', 'show', id]),
    ['events', '--limit', '500'],
    ['status'],
    ['definitions', 'test', 'mailbox'],
    ['messages', 'show', hostile.replaceAll('\0', '')],
  ]) {
    const { stdout, stderr } = await command([...args, '--config', daybook.configFile]);
    expect((stdout + stderr).length, args.join(' ')).toBeGreaterThan(20);
    expect(stdout + stderr, args.join(' ')).not.toMatch(unprintable);
  }
});

test('a line of the log and of the detailed logs is one JSON object, and says what the engine said', async () => {
  const detailed = await Promise.all(
    ['exchange', 'mailbox'].map((id) => readFile(join(daybook.directory, `data/logs/${id}.log`), 'utf8')),
  );
  for (const text of [daybook.log(), ...detailed]) {
    const lines = text.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(JSON.parse(line)).not.toHaveProperty('forged');
  }
});

/** As it stands: `fetch` would tidy the path up. */
function raw(
  path: string,
  method = 'GET',
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: daybook.httpPort, path, method }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    asked.once('error', reject).end();
  });
}

test('a path or a name from outside leads nowhere and into no header', async () => {
  const before = await filesOf(daybook.directory);
  const ids = [
    '..%2f..%2f..%2fetc%2fpasswd',
    '..',
    '%2e%2e',
    '../../daybook.yaml',
    '%00',
    'x%0d%0aX-Forged:%201',
    '%0a',
    'a%22;b',
    '%ff',
  ];
  for (const id of ids) {
    for (const path of [
      `/v1/messages/${id}/raw`,
      `/v1/intake/${id}/raw`,
      `/v1/messages/${id}`,
      `/v1/definitions/${id}`,
      `/v1/intake/${id}/proof`,
    ]) {
      const { status, headers, text } = await raw(path);
      expect([400, 404], path).toContain(status);
      expect(headers, path).not.toHaveProperty('x-forged');
      expect(text, path).not.toContain('root:');
      expect(text, path).not.toContain('dataDir');
    }
  }
  const document = {
    description: 'x',
    transport: 'smtp',
    serviceEmailAddress: 'x@journal.north.example',
    detailedLogging: true,
  };
  const headers = { 'content-type': 'application/json' };
  for (const id of ['..%2fescaped', '%2e%2e%2fescaped', 'Upper', 'a.b', 'a%00b', 'a%0ab', `${'a'.repeat(65)}`]) {
    for (const named of [document, { ...document, id: '../escaped' }]) {
      const answer = await daybook.fetch(`/v1/definitions/${id}`, {
        method: 'PUT',
        headers,
        body: JSON.stringify(named),
      });
      expect([400, 404], id).toContain(answer.status);
    }
  }
  const [entry] = await all<{ readonly id: string }>(daybook, '/v1/messages');
  const download = await raw(`/v1/messages/${entry?.id}/raw`);
  expect(download.headers['content-disposition']).toMatch(/^attachment; filename="[A-Za-z0-9._~-]+\.eml"$/);
  expect(download.headers['x-content-type-options']).toBe('nosniff');
  const ours = ['commitlog/', 'index/', 'logs/', gapsState].map((name) => `data/${name}`);
  const isOurs = (name: string): boolean => before.includes(name) || ours.some((start) => name.startsWith(start));
  expect((await filesOf(daybook.directory)).filter((name) => !isOurs(name))).toEqual([]);
});
