import { expect, test } from 'vitest';
import { openPop3Server, type Pop3Script } from '../support/pop3-server.ts';
import { MailboxFixture, mail } from './mailbox-fixture.ts';

const one = mail('one');
/** Answers `command` by `text` alone; everything else honestly. */
const says =
  (command: string, text: string): Pop3Script =>
  (line, { write }) => {
    if (line !== command) return false;
    write(Buffer.from(text));
    return true;
  };

test('the trace is the commands and their status lines, without the password and the mail', async () => {
  await using server = await openPop3Server({ items: [one] });
  const fixture = new MailboxFixture();
  await fixture.run(server);
  const trace = fixture.trace.map((line) => line.split(' ', 3).join(' '));
  expect(trace.filter((line) => line.startsWith('> '))).toEqual([
    ...['> CAPA', '> USER box', '> PASS ***', '> CAPA', '> STAT', '> UIDL', '> LIST'],
    ...['> RETR 1', '> DELE 1', '> QUIT'],
  ]);
  expect(fixture.trace.filter((line) => line.startsWith('<')).every((line) => line.startsWith('< +OK'))).toBe(true);
  for (const line of one.bytes
    .toString('latin1')
    .split('\r\n')
    .filter((text) => text.length > 3)) {
    expect(fixture.trace.join('\n')).not.toContain(line);
  }
});

test.each(['sesam-91', 'sésam-91'])(
  'a server that repeats the password %s is not repeated, nor by the failure',
  async (password) => {
    const script = says(
      `PASS ${password}`,
      `-ERR [AUTH] "${password}" is wrong for box ${'.'.repeat(80)}${password}\r\n`,
    );
    await using server = await openPop3Server({ items: [one], password, capabilities: ['UTF8'], script });
    const fixture = new MailboxFixture();
    const { end } = await fixture.run(server, { password });
    expect(end).toMatchObject({ kind: 'auth', detail: expect.stringMatching(/^\[AUTH\] "\*{3}" is wrong/) });
    expect(fixture.trace.at(-1)).toMatch(/^< -ERR \[AUTH\] "\*{3}" is wrong for box /);
    expect(Buffer.from(fixture.trace.join('\n'), 'latin1').toString()).not.toContain('sam-91');
  },
);

test('a line of mail that a server left unstuffed is no status line', async () => {
  const script = says('RETR 1', '+OK message\r\nSubject: x\r\n\r\n.\r\nbody-canary\r\n.\r\n');
  await using server = await openPop3Server({ items: [one], script });
  const fixture = new MailboxFixture();
  expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'protocol' });
  expect(fixture.trace.at(-1)).toBe('< ***');
  expect(fixture.trace.join('\n')).not.toContain('body-canary');
});

test.each([
  ['in place of an answer', 'PASS secret', 'who said secret?\r\n', 'unexpected reply: who said ***?'],
  ['unasked', 'PASS secret', '+OK\r\n+OK hello secret\r\n', 'unasked: +OK hello ***'],
  ['in a listing', 'UIDL', '+OK\r\n1 a\r\nsecret\r\n.\r\n', 'unusable listing: ***'],
  ['as a count', 'STAT', '+OK secret\r\n', 'unusable answer to STAT: ***'],
])('a server that says the password %s is not repeated by the failure', async (_, command, text, detail) => {
  await using server = await openPop3Server({ items: [one], script: says(command, text) });
  const fixture = new MailboxFixture();
  expect((await fixture.run(server)).end).toEqual({ type: 'failed', kind: 'protocol', detail });
});

test.each([
  ['RETR 1', '+OK\r\nSubject: x\r\n\r\n.\r\nbody-canary\r\n.\r\n', 'unasked'],
  ['RETR 1', 'body-canary\r\n', 'unexpected reply'],
  ['DELE 1', '+OK\r\n+OK body-canary\r\n', 'unasked'],
])('once mail was asked for, no stray line is repeated: %s %j', async (command, text, detail) => {
  await using server = await openPop3Server({ items: [one], script: says(command, text) });
  const fixture = new MailboxFixture();
  expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'protocol', detail });
});
