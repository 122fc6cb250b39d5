import { describe, expect, test } from 'vitest';
import type { DialogueLine } from '../../src/smtp/dialogue.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { openListener, route } from '../support/smtp-listener.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const identity = 'locked@example.com';
const password = 'sesam-canary';
const mail = 'Subject: subject-canary\r\n\r\nbody-canary\r\n';
const canaries = [password, base64(password), base64(`\0${identity}\0${password}`), 'subject-canary', 'body-canary'];

async function openRig(options: Parameters<typeof openListener>[0] = {}) {
  const lines: (DialogueLine & { readonly definitionId: string })[] = [];
  const state = { wanted: true };
  const dialogue = {
    wanted: () => state.wanted,
    line: (definitionId: string, line: DialogueLine) => lines.push({ definitionId, ...line }),
  };
  const fixture = await openListener(options, { dialogue });
  fixture.routes.set(identity, route('locked', { requireAuth: true, verifyPassword: (said) => said === password }));
  const told = (id = 'locked'): string[] =>
    lines.filter(({ definitionId }) => definitionId === id).map(({ said, text }) => `${said} ${text}`);
  const leaked = (): readonly string[] => canaries.filter((canary) => JSON.stringify(lines).includes(canary));
  return { fixture, lines, told, leaked, state };
}

describe('the dialogue of a session on the wire', () => {
  test('is the greeting, the commands and the answers with their codes, in order, without the mail', async () => {
    const { fixture, lines, told, leaked } = await openRig();
    await using _ = fixture;
    await using client = await SmtpClient.ready(fixture.port);
    await client.mail(['journal@example.com'], mail, 'a@b.example');
    await client.command('QUIT');
    const heard = told('one');
    expect(heard[0]).toMatch(/^< 220 journal\.test /);
    expect(heard[1]).toBe('> EHLO client.test');
    expect(heard[2]).toMatch(/^< 250 .* \/ PIPELINING/);
    expect(heard.slice(3)).toEqual([
      '> MAIL FROM:<a@b.example>',
      '< 250 2.1.0 Accepted',
      '> RCPT TO:<journal@example.com>',
      '< 250 2.1.5 Accepted',
      '> DATA',
      '< 354 end data with <CR><LF>.<CR><LF>',
      expect.stringMatching(/^< 250 2\.0\.0 queued as id-1 sha256=/),
      '> QUIT',
      '< 221 2.0.0 Bye',
    ]);
    expect(new Set(lines.map(({ session }) => session)).size).toBe(1);
    expect(lines[0]?.peer).toBe('127.0.0.1');
    expect(leaked()).toEqual([]);
  });

  test.each([
    ['PLAIN in one line', [`AUTH PLAIN ${base64(`\0${identity}\0${password}`)}`]],
    ['PLAIN after a challenge', ['AUTH PLAIN', base64(`\0${identity}\0${password}`)]],
    ['LOGIN', ['AUTH LOGIN', base64(identity), base64(password)]],
    ['LOGIN with the name at once', [`AUTH LOGIN ${base64(identity)}`, base64(password)]],
    ['a password in the form of a command', ['AUTH LOGIN', base64(identity), `RCPT TO:<${password}@b.example>`]],
    ['a password in clear', [`AUTH ${password}`, `PASS ${password}`, password]],
  ])('has nothing of a login: %s', async (_name, commands) => {
    const { fixture, told, leaked } = await openRig();
    await using _ = fixture;
    await using client = await SmtpClient.ready(fixture.port);
    for (const command of commands) await client.command(command);
    await client.mail([identity], mail);
    expect(
      told()
        .filter((line) => line.startsWith('> '))
        .slice(1, 1 + commands.length),
    ).toEqual(commands.map(() => expect.stringMatching(/^> (?:AUTH (?:(?:PLAIN|LOGIN) )?)?\*\*\*$/)));
    expect(leaked()).toEqual([]);
  });

  test('has nothing of a login that a client sends on although AUTH was refused', async () => {
    const { fixture, told, leaked } = await openRig();
    await using _ = fixture;
    await using client = await SmtpClient.ready(fixture.port);
    await client.send(`AUTH NONE\r\n${base64(identity)}\r\n${base64(password)}\r\nRCPT TO:<${identity}>\r\n`);
    for (let n = 0; n < 4; n += 1) await client.reply();
    await client.mail([identity], mail);
    expect(told()).toContain('< 530 5.7.0 authentication required');
    expect(leaked()).toEqual([]);
  });

  test('has nothing of a mail that a client sends although DATA was refused', async () => {
    const { fixture, told, leaked } = await openRig();
    await using _ = fixture;
    await using client = await SmtpClient.ready(fixture.port);
    await client.command('MAIL FROM:<>');
    await client.command(`RCPT TO:<${identity}>`);
    await client.send(`DATA\r\n${mail}HELO body-canary\r\nQUIT\r\n`);
    await client.closed;
    expect(told()).toContain('< 503 5.5.1 need RCPT command');
    expect(told().slice(-2)).toEqual(['> QUIT', '< 221 2.0.0 Bye']);
    expect(leaked()).toEqual([]);
  });

  test('goes on inside TLS, and has nothing of what was slipped in before', async () => {
    const { fixture, told, leaked } = await openRig({ tls: makeTlsPair() });
    await using _ = fixture;
    await using client = await SmtpClient.ready(fixture.port);
    await client.startTls();
    await client.command('EHLO inside.test');
    await client.command(`AUTH PLAIN ${base64(`\0${identity}\0${password}`)}`);
    expect((await client.mail([identity], mail)).code).toBe(250);
    expect(told().filter((line) => line.startsWith('> '))).toEqual([
      '> EHLO client.test',
      '> STARTTLS',
      '> EHLO inside.test',
      '> AUTH PLAIN ***',
      '> MAIL FROM:<>',
      `> RCPT TO:<${identity}>`,
      '> DATA',
    ]);
    expect(leaked()).toEqual([]);
  });

  test('begins and ends in a session that is open, with the switch', async () => {
    const { fixture, lines, told, state } = await openRig();
    await using _ = fixture;
    state.wanted = false;
    await using client = await SmtpClient.ready(fixture.port);
    await client.mail(['journal@example.com'], mail);
    expect(lines).toEqual([]);
    state.wanted = true;
    await client.mail(['journal@example.com'], mail);
    const heard = told('one');
    expect(heard[0]).toBe('> MAIL FROM:<>');
    expect(heard.at(-1)).toMatch(/^< 250 2\.0\.0 queued/);
    state.wanted = false;
    await client.mail(['journal@example.com'], mail);
    expect(told('one')).toEqual(heard);
  });
});
