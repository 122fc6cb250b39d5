import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, intakeOf, putDefinition, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 1h, timeout: 5s }
directory: { internalDomains: [north.example] }
definitions: []
`;
const exchange = {
  id: 'exchange',
  description: 'Exchange',
  transport: 'smtp',
  serviceEmailAddress: 'journal@journal.north.example',
  deliveryWaitAttempts: 1,
};
const named = (id: string) => ({
  ...exchange,
  id,
  description: id,
  serviceEmailAddress: `${id}@journal.north.example`,
});
const put = (daybook: Daybook, document: { readonly id: string }, version?: number) =>
  putDefinition(daybook, document.id, document, { version });
const post = (daybook: Daybook, path: string) => daybook.fetch(path, { method: 'POST' });
const remove = (daybook: Daybook, id: string) => daybook.fetch(`/v1/definitions/${id}`, { method: 'DELETE' });
interface EventItem {
  readonly type: string;
  readonly actor: string;
  readonly definition: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
const eventsOf = async (daybook: Daybook, id: string): Promise<readonly EventItem[]> =>
  (await all<EventItem>(daybook, `/v1/events?definition=${id}`)).toReversed();

test('a definition made at run time takes mail at once, on a listener that nobody needed before', async () => {
  await using daybook = await startDaybook({ config });
  await expect(SmtpClient.ready(daybook.smtpPort)).rejects.toThrow();
  const made = await put(daybook, exchange);
  expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"']);
  expect(await made.json()).toMatchObject({ id: 'exchange', version: 1, provisioned: false, journalType: 'eej' });
  await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  const { id } = await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport('first'));
  await eventually(async () => (await intakeOf(daybook, id)).state === 'archived', { what: 'the archived message' });
  expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'active', counts: { archived: 1 } });
});

test('a change names its version, outlives a kill, and shows its old and new values in the event log', async () => {
  await using daybook = await startDaybook({ config });
  await put(daybook, exchange);
  const changed = { ...exchange, description: 'Exchange North', deliveryWaitAttempts: 2 };
  expect((await put(daybook, changed)).status).toBe(428);
  expect((await put(daybook, changed, 7)).status).toBe(412);
  expect((await put(daybook, { ...exchange, id: 'unknown' }, 1)).status).toBe(412);
  const answer = await put(daybook, changed, 1);
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"2"']);
  expect((await put(daybook, changed, 2)).headers.get('etag'), 'nothing differs').toBe('"2"');
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  expect(await again.get('/v1/definitions/exchange')).toMatchObject({ ...changed, version: 2, provisioned: false });
  const [created, change] = (await eventsOf(again, 'exchange')).filter(({ type }) => type.startsWith('definition.'));
  expect(created).toMatchObject({ type: 'definition.created', actor: 'operator', data: { old: null } });
  expect(change?.data).toMatchObject({
    version: 2,
    old: { description: 'Exchange', deliveryWaitAttempts: 1 },
    new: { description: 'Exchange North', deliveryWaitAttempts: 2 },
  });
});

test('why a definition was changed or suspended is in the event log', async () => {
  await using daybook = await startDaybook({ config });
  await put(daybook, exchange);
  const because = (text: string) => `?reason=${encodeURIComponent(text)}`;
  const changed = { ...exchange, deliveryWaitAttempts: 2 };
  const query = because('the gateway is slow');
  const answer = await putDefinition(daybook, 'exchange', changed, { version: 1, query });
  expect(answer.status).toBe(200);
  await daybook.fetch('/v1/definitions/exchange/suspend', {
    method: 'POST',
    body: JSON.stringify({ reason: 'the mailbox moves' }),
    headers: { 'content-type': 'application/json' },
  });
  const said = (await eventsOf(daybook, 'exchange')).map(({ type, data }) => [type, data['reason']]);
  expect(said).toEqual([
    ['definition.created', undefined],
    ['definition.changed', 'the gateway is slow'],
    ['definition.suspended', 'the mailbox moves'],
  ]);
});

test('a faulty document is refused with every fault by its field, and changes nothing', async () => {
  await using daybook = await startDaybook({ config });
  await put(daybook, exchange);
  const answer = await put(daybook, {
    id: 'second',
    description: 'EXCHANGE',
    transport: 'smtp',
    serviceEmailAddress: 'Journal@journal.north.example',
    smtp: { useSmtpAuthentication: true, additionalSourceIpRanges: ['10.0.0.5/8'] },
    pop3: {},
  } as never);
  expect(answer.status).toBe(400);
  const { errors } = (await answer.json()) as { errors: { path: string }[] };
  expect(new Set(errors.map(({ path }) => path))).toEqual(
    new Set(['description', 'serviceEmailAddress', 'smtp.password', 'smtp.additionalSourceIpRanges[0]', 'pop3']),
  );
  expect((await daybook.fetch('/v1/definitions/second')).status).toBe(404);
});

test('S19: suspended twice by document is two events; it stays so over a restart, and answers 450', async () => {
  await using daybook = await startDaybook({ config });
  await put(daybook, exchange);
  await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  await put(daybook, { ...exchange, suspended: true } as never, 1);
  await put(daybook, { ...exchange, suspended: false } as never, 2);
  expect((await post(daybook, '/v1/definitions/exchange/suspend')).status).toBe(200);
  expect((await put(daybook, exchange, 3)).status, 'a suspension is a change too').toBe(412);
  const types = (await eventsOf(daybook, 'exchange')).map(({ type }) => type);
  const said = types.filter((type) => type === 'definition.suspended' || type === 'definition.enabled');
  expect(said).toEqual(['definition.suspended', 'definition.enabled', 'definition.suspended']);
  await daybook.end('SIGTERM');
  await using again = await daybook.restart();
  expect(await statusOf(again, 'exchange')).toMatchObject({ serviceStatus: 'suspended' });
  await using client = await SmtpClient.ready(again.smtpPort);
  await client.command('MAIL FROM:<>');
  expect(await client.command('RCPT TO:<journal@journal.north.example>')).toMatchObject({ code: 450 });
});

test('secrets come back as their mask, are kept when that is written, and stand nowhere in clear', async () => {
  const secret = 'canary-5fd1-password';
  const smtp = { useSmtpAuthentication: true, password: secret };
  await using daybook = await startDaybook({ config });
  const made = await put(daybook, { ...exchange, smtp } as never);
  expect(await made.json()).toMatchObject({ smtp: { password: '********' } });
  const masked = { ...exchange, description: 'Renamed', smtp: { ...smtp, password: '********' } };
  expect((await put(daybook, masked as never, 1)).status).toBe(200);
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  const login = async (password: string) => {
    await using client = await SmtpClient.ready(again.smtpPort);
    const text = Buffer.from(`\0journal@journal.north.example\0${password}`).toString('base64');
    return (await client.command(`AUTH PLAIN ${text}`)).code;
  };
  expect([await login(secret), await login('wrong'), await login(secret)]).toEqual([235, 535, 235]);
  const rotated = { ...masked, smtp: { ...smtp, password: 'another-password' } };
  expect((await put(again, rotated as never, 2)).status).toBe(200);
  expect([await login(secret), await login('another-password')]).toEqual([535, 235]);
  expect((await eventsOf(again, 'exchange')).map(({ type }) => type)).toContain('secret.changed');
  expect(again.log()).not.toContain(secret);
  for (const bytes of await filesUnder(join(again.directory, 'data'))) expect(bytes.includes(secret)).toBe(false);
});

test('delete asks for a suspended one without mail in process; its archive stays, and its mail is finished', async () => {
  await using daybook = await startDaybook({ config });
  const slow = { ...exchange, deliveryWaitAttempts: 2, deliveryWaitInterval: '2s' };
  await put(daybook, slow);
  await eventually(async () => (await daybook.fetch('/readyz')).ok, { what: 'the listener' });
  const { id } = await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport('waits'));
  expect((await remove(daybook, 'exchange')).status, 'not suspended').toBe(409);
  await post(daybook, '/v1/definitions/exchange/suspend');
  expect((await remove(daybook, 'exchange')).status, 'a message is in process').toBe(409);
  expect((await remove(daybook, 'exchange?force')).status).toBe(204);
  expect((await daybook.fetch('/v1/definitions/exchange')).status).toBe(404);
  await eventually(async () => (await intakeOf(daybook, id)).state === 'archived', { what: 'the message without it' });
  const types = (await eventsOf(daybook, 'exchange')).map(({ type }) => type);
  expect(types.filter((type) => type === 'request.refused')).toHaveLength(2);
  expect(types.at(-1)).toBe('definition.deleted');
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  expect((await again.fetch('/v1/definitions/exchange')).status, 'a restart brings nothing back').toBe(404);
  const made = await put(again, exchange);
  expect([made.status, await made.json()]).toMatchObject([201, { version: 3 }]);
  expect((await statusOf(again, 'exchange')).counts, 'its figures go on').toMatchObject({ received: 1, archived: 1 });
});

test('a mailbox is tested step by step, polled at once, and connected anew when its password changes', async () => {
  const items = [{ uidl: 'one', bytes: Buffer.from('Subject: one\r\n\r\nbody\r\n') }];
  await using server = await openPop3Server({ user: 'box', password: 'right', items });
  await using daybook = await startDaybook({ config });
  const mailbox = (password: string) => ({
    id: 'mailbox',
    description: 'Mailbox',
    transport: 'pop3',
    serviceEmailAddress: 'box@journal.north.example',
    deliveryWaitAttempts: 1,
    journalNonInternalAddresses: true,
    pop3: { host: '127.0.0.1', port: server.port, mailboxName: 'box', password, encrypted: false },
  });
  await put(daybook, mailbox('wrong'));
  await eventually(async () => (await statusOf(daybook, 'mailbox')).reason === 'auth', { what: 'the refused login' });
  const failed = await (await post(daybook, '/v1/definitions/mailbox/test')).json();
  expect(failed).toMatchObject({
    ok: false,
    steps: [{ step: 'connect', ok: true }, {}, { step: 'log in', kind: 'auth' }],
  });
  await put(daybook, mailbox('right'), 1);
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === 1, { what: 'the new login' });
  expect(await statusOf(daybook, 'mailbox')).toMatchObject({ serviceStatus: 'active', failures: 0 });
  const tested = await (await post(daybook, '/v1/definitions/mailbox/test')).json();
  expect(tested).toMatchObject({
    ok: true,
    steps: [{}, {}, {}, { step: 'count', detail: '0 messages' }, { step: 'quit' }],
  });
  server.items.push({ uidl: 'two', bytes: Buffer.from('Subject: two\r\n\r\nbody\r\n') });
  await eventually(async () => (await statusOf(daybook, 'mailbox')).nextPollAt !== null, { what: 'the rest' });
  expect((await post(daybook, '/v1/definitions/mailbox/poll')).status).toBe(200);
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === 2, { what: 'the poll' });
  const tests = (await eventsOf(daybook, 'mailbox')).filter(({ type }) => type === 'connector.test');
  expect(tests.map(({ data }) => data['ok'])).toEqual([false, true]);
  expect((await post(daybook, '/v1/definitions/nobody/poll')).status).toBe(404);
});

test('the commands make, change, test and delete definitions', async () => {
  await using daybook = await startDaybook({ config });
  const file = join(daybook.directory, 'exchange.yaml');
  const definitions = (...args: string[]) => command(['definitions', ...args, '--config', daybook.configFile]);
  await writeFile(file, `definitions:\n  - ${JSON.stringify(exchange)}\n`);
  expect(await definitions('apply', '-f', file)).toMatchObject({ code: 0, stdout: 'exchange: created, version 1\n' });
  await writeFile(file, JSON.stringify({ ...exchange, description: 'Renamed' }));
  expect((await definitions('apply', '-f', file)).stdout).toBe('exchange: changed, version 2\n');
  expect((await definitions('apply', '-f', file)).stdout).toBe('exchange: unchanged, version 2\n');
  await writeFile(file, JSON.stringify({ ...exchange, transport: 'uucp' }));
  const faulty = await definitions('apply', '-f', file);
  expect(faulty).toMatchObject({ code: 78, stdout: '' });
  expect(faulty.stderr).toContain('transport: ');
  const tested = await definitions('test', 'exchange');
  expect([tested.code, tested.stdout]).toEqual([0, expect.stringMatching(/listener +ok/)]);
  expect((await definitions('delete', 'exchange')).code).toBe(1);
  await definitions('suspend', 'exchange');
  expect(await definitions('delete', 'exchange')).toMatchObject({ code: 0, stdout: 'exchange: deleted\n' });
});

test('definitions and holds are listed newest first, all of them, also after a kill', async () => {
  const given = ['a', 'b'].map((name) => `  - ${JSON.stringify(named(name))}`);
  await using daybook = await startDaybook({ config: config.replace(' []', `\n${given.join('\n')}`) });
  const file = join(daybook.directory, 'many.yaml');
  const made = Array.from({ length: 101 }, (_, at) => `made-${(at * 37) % 101}`);
  await writeFile(file, JSON.stringify(made.map(named)));
  const ask = (...args: string[]) => command([...args, '--config', daybook.configFile]);
  expect(await ask('definitions', 'apply', '-f', file)).toMatchObject({ code: 0, stderr: '' });
  const holds = ['z', 'a', 'm'];
  for (const id of holds) {
    expect(await ask('holds', 'place', id, '--reason', 'a case', '--subject', 'soup')).toMatchObject({ code: 0 });
  }
  const lists = async (running: Daybook) => {
    const { stdout } = await ask('definitions', 'list', '--json');
    return {
      told: (JSON.parse(stdout) as { items: { id: string }[] }).items.map(({ id }) => id),
      definitions: (await all<{ id: string }>(running, '/v1/definitions')).map(({ id }) => id),
      holds: (await running.get<{ items: { id: string }[] }>('/v1/holds')).items.map(({ id }) => id),
    };
  };
  const definitions = ['a', 'b', ...made].toReversed();
  const expected = { told: definitions, definitions, holds: holds.toReversed() };
  expect(await lists(daybook)).toEqual(expected);
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  expect(await lists(again)).toEqual(expected);
});

async function filesUnder(directory: string): Promise<readonly Buffer[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return Promise.all(files.map((file) => readFile(file)));
}

test('an operator sends no kept password elsewhere or in clear, and forgives no other certificate; an admin may', async () => {
  const tokens =
    'tokens: [{ name: olga, role: operator, token: token-of-olga }, { name: root, role: admin, token: token-of-root }]';
  await using daybook = await startDaybook({ config, http: tokens });
  const write = async (name: 'olga' | 'root', pop3: object, version?: number): Promise<readonly [number, string]> => {
    const authorization = `Bearer token-of-${name}`;
    const as = (path: string, init?: RequestInit) => {
      const headers = { ...(init?.headers as Record<string, string>), authorization };
      return daybook.fetch(path, { ...init, headers });
    };
    const document = { ...exchange, transport: 'pop3', suspended: true, pop3 };
    const answer = await putDefinition({ fetch: as }, 'exchange', document, { version });
    return [answer.status, await answer.text()];
  };
  const pop3 = { host: 'pop.north.example', mailboxName: 'journal', password: 'pw' };
  const kept = { ...pop3, password: '********' };
  expect((await write('olga', pop3))[0]).toBe(201);
  for (const [elsewhere, why] of [
    [{ ...kept, host: 'pop.elsewhere.example' }, 'another server'],
    [{ ...kept, port: 1110 }, 'another server'],
    [{ ...kept, port: 995, encrypted: false }, 'in clear'],
  ] as const) {
    const [status, text] = await write('olga', elsewhere, 1);
    expect([status, text]).toEqual([400, expect.stringContaining(why)]);
    expect(text).toContain('pop3.password');
  }
  expect((await write('olga', { ...kept, host: 'POP.north.example', mailboxName: 'other' }, 1))[0]).toBe(200);
  expect((await write('olga', { ...pop3, host: 'pop.elsewhere.example' }, 2))[0]).toBe(200);
  const relaxed = { ...kept, host: 'pop.elsewhere.example', encryptionMode: 'relaxed' };
  expect(await write('olga', relaxed, 3)).toEqual([403, expect.stringContaining('only the role admin')]);
  expect((await write('root', { ...relaxed, host: 'pop.third.example' }, 3))[0]).toBe(200);
  expect((await write('olga', { ...relaxed, host: 'pop.third.example', mailboxName: 'box' }, 4))[0]).toBe(200);
  expect((await write('olga', { ...relaxed, password: 'pw', host: 'pop.fourth.example' }, 5))[0]).toBe(403);
});
