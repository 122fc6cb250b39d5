import { asyncScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { testConnection } from '../../src/pop3/connection-test.ts';
import type { MailboxOptions } from '../../src/pop3/types.ts';
import { openPop3Server, type Pop3Script, type Pop3Server, type Pop3ServerOptions } from '../support/pop3-server.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const options = (server: Pick<Pop3Server, 'port'>, more: Partial<MailboxOptions> = {}): MailboxOptions => ({
  host: '127.0.0.1',
  port: server.port,
  mailboxName: 'box',
  password: 'right',
  encrypted: false,
  encryptionMode: 'strict',
  certificatePin: null,
  timeoutMs: 2_000,
  maxMessageBytes: 1_000_000,
  ...more,
});
const run = (given: MailboxOptions) => testConnection(given, { clock: asyncScheduler }, new AbortController().signal);
const open = (more: Pop3ServerOptions = {}) => openPop3Server({ user: 'box', password: 'right', ...more });
const answering =
  (asked: string, answer: string): Pop3Script =>
  (command, connection) => {
    if (command === asked) connection.write(answer);
    return command === asked;
  };
const told = (steps: Awaited<ReturnType<typeof run>>) => steps.map(({ step, ok, kind }) => [step, ok ? 'ok' : kind]);

test('goes through every stage, and takes and deletes nothing', async () => {
  await using server = await open({ items: [{ uidl: 'a', bytes: Buffer.from('one\r\n') }] });
  const steps = await run(options(server));
  expect(told(steps)).toEqual(['connect', 'greeting', 'log in', 'count', 'quit'].map((step) => [step, 'ok']));
  expect(steps[3]?.detail).toBe('1 messages');
  expect(server.commands.filter((line) => /^(RETR|DELE|TOP)/.test(line))).toEqual([]);
  expect(server.items).toHaveLength(1);
});

test('stops at the first stage that fails, with its kind', async () => {
  await using server = await open();
  expect(told(await run(options(server, { password: 'wrong' }))).at(-1)).toEqual(['log in', 'auth']);
  server.script = answering('STAT', '-ERR no\r\n');
  expect(told(await run(options(server))).at(-1)).toEqual(['count', 'protocol']);
  server.script = answering('', '-ERR busy\r\n');
  expect(told(await run(options(server))).at(-1)).toEqual(['greeting', 'protocol']);
  const { port } = server;
  await server[Symbol.asyncDispose]();
  expect(told(await run(options({ port })))).toEqual([['connect', 'refused']]);
});

test('names the encryption where the certificate is not trusted, by STLS and from the first byte', async () => {
  const pair = makeTlsPair('pop.north.example');
  await using implicit = await open({ tls: pair });
  const untrusted = [
    ['connect', 'ok'],
    ['encrypt', 'tls-name'],
  ];
  expect(told(await run(options(implicit, { encrypted: true })))).toEqual(untrusted);
  await using upgraded = await open({ stls: pair });
  const steps = told(await run(options(upgraded, { encrypted: true, stls: true })));
  expect(steps).toEqual([
    ['connect', 'ok'],
    ['greeting', 'ok'],
    ['encrypt', 'tls-name'],
  ]);
});
