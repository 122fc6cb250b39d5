import { describe, expect, it } from 'vitest';
import { SmtpClient } from '../support/smtp-client.ts';
import { openListener, route } from '../support/smtp-listener.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

describe('STARTTLS', () => {
  it('is offered with a certificate of our own only', async () => {
    await using bare = await openListener();
    await using client = await SmtpClient.ready(bare.port);
    expect((await client.command('EHLO x')).text).not.toMatch(/STARTTLS/);
    expect((await client.command('STARTTLS')).code).toBe(500);
    await using secured = await openListener({ tls: makeTlsPair() });
    await using other = await SmtpClient.ready(secured.port);
    expect((await other.command('EHLO x')).text).toMatch(/STARTTLS/);
  });

  it('makes way for a definition that requires TLS, and is noted with the message', async () => {
    await using fixture = await openListener({ tls: makeTlsPair() });
    fixture.routes.set('tls@example.com', route('tls', { requireTls: true }));
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['tls@example.com'], 'x\r\n')).code).toBe(530);
    expect((await client.command('RSET')).code).toBe(250);
    await client.startTls();
    await client.command('EHLO x');
    const body = `..dots\r\n${'y'.repeat(70_000)}\r\n.\r\n`;
    expect((await client.mail(['tls@example.com'], body)).code).toBe(250);
    expect(fixture.deliveries[0]?.transport.tls).toBe('TLSv1.3');
    expect(fixture.custody.receipts[0]?.bytes.toString()).toBe(body);
  });

  it('forgets who the client was and what it had begun', async () => {
    await using fixture = await openListener({ tls: makeTlsPair() });
    fixture.routes.set('a@example.com', route('a', { requireAuth: true, verifyPassword: () => true }));
    await using client = await SmtpClient.ready(fixture.port);
    await client.command(`AUTH PLAIN ${Buffer.from('\0a@example.com\0x').toString('base64')}`);
    await client.command('MAIL FROM:<a@b.c>');
    await client.command('RCPT TO:<journal@example.com>');
    await client.startTls();
    await client.command('EHLO x');
    expect((await client.command('DATA')).text).toMatch(/^5\.5\.1 /);
    await client.command('MAIL FROM:<a@b.c>');
    expect((await client.command('RCPT TO:<a@example.com>')).text).toMatch(/^5\.7\.0 authentication/);
  });

  it('drops commands that were slipped in before the handshake', async () => {
    await using fixture = await openListener({ tls: makeTlsPair() });
    await using client = await SmtpClient.ready(fixture.port);
    await client.startTls({ rejectUnauthorized: false }, 'EHLO evil.test\r\nMAIL FROM:<evil@b.c>\r\n');
    expect((await client.command('MAIL FROM:<evil@b.c>')).text).toMatch(/^5\.5\.1 Error: send HELO/);
    await client.command('EHLO x');
    expect((await client.command('RCPT TO:<journal@example.com>')).text).toMatch(/^5\.5\.1 /);
    expect((await client.mail(['journal@example.com'], 'x')).code).toBe(250);
  });

  it.each([
    ['a login', `EHLO x\r\nAUTH PLAIN ${Buffer.from('\0a@example.com\0x').toString('base64')}\r\n`],
    ['an envelope', 'EHLO x\r\nMAIL FROM:<evil@b.c>\r\nRCPT TO:<journal@example.com>\r\n'],
    ['a whole mail', 'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\nevil\r\n.\r\n'],
    ['half a command', 'MAIL FROM:<evil@'],
    ['a second STARTTLS', 'STARTTLS\r\nEHLO x\r\n'],
  ])('drops %s that was slipped in before the handshake, and answers none of it inside', async (_, slippedIn) => {
    await using fixture = await openListener({ tls: makeTlsPair() });
    fixture.routes.set('a@example.com', route('a', { requireAuth: true, verifyPassword: () => true }));
    await using client = await SmtpClient.ready(fixture.port);
    await client.startTls({ rejectUnauthorized: false }, slippedIn);
    // The first answer inside is the one to the first command inside.
    expect((await client.command('EHLO inside')).text).toMatch(/^journal\.test greets /);
    expect((await client.command('DATA')).text).toMatch(/^5\.5\.1 /);
    await client.command('MAIL FROM:<>');
    expect((await client.command('RCPT TO:<a@example.com>')).text).toMatch(/^5\.7\.0 authentication/);
    expect(fixture.deliveries).toHaveLength(0);
  });

  it('takes a new certificate without a restart, and keeps the old one when the new is not usable', async () => {
    await using fixture = await openListener();
    expect(() => fixture.listener.updateTls({ cert: makeTlsPair().cert, key: makeTlsPair().key })).toThrow(
      /does not belong/,
    );
    expect(() => fixture.listener.updateTls({ cert: 'no', key: 'no' })).toThrow();
    const pairs = [makeTlsPair('first.test'), makeTlsPair('second.test')];
    for (const pair of pairs) {
      fixture.listener.updateTls(pair);
      expect(() => fixture.listener.updateTls({ cert: pair.cert, key: 'broken' })).toThrow();
      await using client = await SmtpClient.ready(fixture.port);
      expect((await client.startTls({ ca: pair.cert, checkServerIdentity: () => undefined })).code).toBe(220);
    }
  });

  it('refuses to open with a key of another certificate', async () => {
    await expect(openListener({ tls: { cert: makeTlsPair().cert, key: makeTlsPair().key } })).rejects.toThrow(
      /does not belong/,
    );
  });
});
