import { describe, expect, it } from 'vitest';
import { SmtpClient } from '../support/smtp-client.ts';
import { bytesOf, openListener, route } from '../support/smtp-listener.ts';

const body = 'Subject: report\r\n\r\nHello\r\n';

describe('the SMTP listener', () => {
  it('says what it is and offers only what it keeps', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.connect(fixture.port);
    expect(await client.reply()).toEqual({ code: 220, text: 'journal.test ESMTP' });
    const { code, text } = await client.command('EHLO client.test');
    expect(code).toBe(250);
    const [, ...offered] = text.split('\n');
    const expected = ['8BITMIME', 'AUTH PLAIN LOGIN', 'ENHANCEDSTATUSCODES', 'PIPELINING', 'SIZE 1048576', 'SMTPUTF8'];
    expect(offered.sort()).toEqual(expected);
  });

  it('acknowledges a message with its id and hash, and hands it over with all transport facts', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const reply = await client.mail(['Journal@EXAMPLE.com'], body, 'Sender@Example.COM');
    expect(reply.code).toBe(250);
    expect(reply.text).toMatch(/^2\.0\.0 queued as id-1 sha256=[0-9a-f]{64}$/);
    expect(fixture.deliveries).toHaveLength(1);
    const [delivery] = fixture.deliveries;
    expect(bytesOf(delivery).toString()).toBe(body);
    expect(delivery?.destinations).toEqual([{ definitionId: 'one', definitionVersion: 1 }]);
    expect(delivery?.origin).toBe('journal');
    expect(delivery?.transport).toEqual({
      kind: 'smtp',
      peer: '127.0.0.1',
      mailFrom: 'Sender@Example.COM',
      rcptTo: ['Journal@EXAMPLE.com'],
      tls: null,
      authenticatedAs: null,
      uidl: null,
    });
  });

  it('takes the null sender, and several messages on one connection', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@example.com'], body)).code).toBe(250);
    expect((await client.mail(['journal@example.com'], 'second\r\n', 'a@b.c')).code).toBe(250);
    expect(fixture.deliveries.map(({ transport }) => transport.mailFrom)).toEqual(['', 'a@b.c']);
    expect(bytesOf(fixture.deliveries[1]).toString()).toBe('second\r\n');
  });

  it('makes one delivery for several service addresses: each definition once, in the order of RCPT', async () => {
    await using fixture = await openListener();
    fixture.routes.set('two@example.com', route('two', { definitionVersion: 7 }));
    fixture.routes.set('alias@example.com', route('one'));
    await using client = await SmtpClient.ready(fixture.port);
    const recipients = ['two@example.com', 'journal@example.com', 'TWO@example.com', 'alias@example.com'];
    const reply = await client.mail(recipients, body);
    expect(reply.text).toMatch(/^2\.0\.0 queued as id-1,id-2 sha256=/);
    expect(fixture.deliveries[0]?.destinations).toEqual([
      { definitionId: 'two', definitionVersion: 7 },
      { definitionId: 'one', definitionVersion: 1 },
    ]);
    const rcptTo = ['two@example.com', 'journal@example.com', 'alias@example.com'];
    expect(fixture.deliveries[0]?.transport.rcptTo).toEqual(rcptTo);
  });

  it('delivers to the recipients it took when it refused others', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    await client.send('MAIL FROM:<a@b.c>\r\nRCPT TO:<nobody@example.com>\r\nRCPT TO:<journal@example.com>\r\n');
    expect((await client.replyLines(3)).map((line) => line.slice(0, 9))).toEqual([
      '250 2.1.0',
      '550 5.1.1',
      '250 2.1.5',
    ]);
    await client.command('DATA');
    await client.send('x\r\n.\r\n');
    expect((await client.reply()).code).toBe(250);
    expect(fixture.deliveries[0]?.transport.rcptTo).toEqual(['journal@example.com']);
  });

  it('finds a service address in a Unicode domain by either of its spellings, and keeps the one that was used', async () => {
    await using fixture = await openListener();
    fixture.routes.set('journal@xn--mnchen-3ya.de', route('muc'));
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@xn--mnchen-3ya.de'], body)).code).toBe(250);
    expect((await client.command('MAIL FROM:<grüße@münchen.de> SMTPUTF8')).code).toBe(250);
    expect((await client.command('RCPT TO:<journal@MÜNCHEN.de>')).code).toBe(250);
    await client.command('DATA');
    await client.send('x\r\n.\r\n');
    expect((await client.reply()).code).toBe(250);
    const facts = fixture.deliveries.map(({ transport }) => [transport.mailFrom, ...transport.rcptTo]);
    expect(facts).toEqual([
      ['', 'journal@xn--mnchen-3ya.de'],
      ['grüße@münchen.de', 'journal@MÜNCHEN.de'],
    ]);
  });

  it('takes senders that real servers write: quoted, long, with odd dots', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const senders = ['"a b: <c>"@example.com', `IMCEAEX-${'x'.repeat(300)}@example.com`, 'a..b.@example.com'];
    for (const sender of senders) expect((await client.mail(['journal@example.com'], body, sender)).code).toBe(250);
    expect(fixture.deliveries.map(({ transport }) => transport.mailFrom)).toEqual(senders);
  });

  it('refuses and logs a sender it cannot read', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.command('MAIL FROM: not an address')).text).toMatch(/^5\.1\.7 /);
    expect(fixture.logged.some((line) => line.includes('MAIL FROM: not an address'))).toBe(true);
  });

  it('keeps a sender it cannot read out of the log where it may be a line of a mail, or a password', async () => {
    for (const before of ['DATA', 'Subject: lunch', 'PASS secret']) {
      await using fixture = await openListener();
      await using client = await SmtpClient.ready(fixture.port);
      for (const line of [before, 'MAIL FROM: the board', 'RCPT TO: nobody <at all>']) await client.command(line);
      expect(fixture.logged.filter((line) => line.includes('SMTP command refused'))).toHaveLength(2);
      expect(fixture.logged.join()).not.toMatch(/board|nobody|secret/);
    }
  });

  it('judges a recipient in order: address, source, TLS or AUTH, identity, suspension', async () => {
    await using fixture = await openListener();
    const everything = { sourceAllowed: () => false, requireTls: true, requireAuth: true, suspended: true };
    const cases: [string, Parameters<typeof route>[1] | undefined, string, string | null][] = [
      ['nobody@example.com', undefined, '550 5.1.1', null],
      ['source@example.com', everything, '451 4.7.1', 'source'],
      ['tls@example.com', { ...everything, sourceAllowed: () => true }, '530 5.7.0', 'tls'],
      ['auth@example.com', { requireAuth: true, suspended: true }, '530 5.7.0', 'auth'],
      ['suspended@example.com', { suspended: true }, '450 4.3.2', 'suspended'],
    ];
    await using client = await SmtpClient.ready(fixture.port);
    await client.command('MAIL FROM:<a@b.c>');
    for (const [address, parts, reply, definitionId] of cases) {
      if (parts) fixture.routes.set(address, route(definitionId ?? '', parts));
      const { code, text } = await client.command(`RCPT TO:<${address}>`);
      expect(`${code} ${text}`.startsWith(`${reply} `)).toBe(true);
      expect(fixture.rejections.at(-1)).toMatchObject({ reply, definitionId, peer: '127.0.0.1' });
    }
    const reasons = ['unknown-address', 'source', 'tls-missing', 'auth-missing', 'suspended'];
    expect(fixture.rejections.map(({ reason }) => reason)).toEqual(reasons);
    expect((await client.command('DATA')).text).toMatch(/^5\.5\.1 /);
    expect(fixture.custody.receipts).toHaveLength(0);
  });

  it('does not begin a message for a definition that was suspended, or removed, since its RCPT; what is in DATA completes', async () => {
    await using fixture = await openListener();
    fixture.routes.set('one@example.com', route('one'));
    fixture.routes.set('two@example.com', route('two'));
    await using client = await SmtpClient.ready(fixture.port);
    const begin = async (...addresses: readonly string[]) => {
      await client.command('MAIL FROM:<a@b.c>');
      for (const address of addresses) await client.command(`RCPT TO:<${address}@Example.com>`);
    };
    await begin('one', 'two');
    fixture.routes.set('two@example.com', route('two', { suspended: true }));
    expect((await client.command('DATA')).text).toMatch(/^4\.3\.2 /);
    expect(fixture.rejections.at(-1)).toMatchObject({ reply: '450 4.3.2', definitionId: 'two', reason: 'suspended' });
    expect(fixture.custody.receipts).toHaveLength(0);
    await client.command('RSET');
    await begin('one');
    expect((await client.command('DATA')).code).toBe(354);
    fixture.routes.set('one@example.com', route('one', { suspended: true }));
    await client.send('x\r\n.\r\n');
    expect((await client.reply()).code).toBe(250);
    fixture.routes.set('one@example.com', route('one'));
    await begin('one');
    fixture.routes.delete('one@example.com');
    expect((await client.command('DATA')).code).toBe(450);
    expect(fixture.deliveries).toHaveLength(1);
  });

  it('takes 1000 RCPT in a transaction and answers 452 4.5.3 to the next', async () => {
    await using fixture = await openListener();
    for (let i = 0; i < 1001; i++) fixture.routes.set(`r${i}@example.com`, route(`d${i}`));
    await using client = await SmtpClient.ready(fixture.port);
    await client.command('MAIL FROM:<>');
    const commands = Array.from({ length: 1001 }, (_, i) => `RCPT TO:<r${i}@example.com>\r\n`);
    await client.send(commands.join(''));
    const lines = await client.replyLines(1001);
    expect(lines.slice(0, 1000).every((line) => line.startsWith('250 2.1.5'))).toBe(true);
    expect(lines[1000]).toMatch(/^452 4\.5\.3 /);
    await client.command('DATA');
    await client.send('x\r\n.\r\n');
    expect((await client.reply()).code).toBe(250);
    expect(fixture.deliveries[0]?.destinations).toHaveLength(1000);
  });

  it('counts a repeated RCPT towards the thousand', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    await client.command('MAIL FROM:<>');
    await client.send('RCPT TO:<journal@example.com>\r\n'.repeat(1001));
    const lines = await client.replyLines(1001);
    expect(lines.filter((line) => line.startsWith('250'))).toHaveLength(1000);
    expect(lines[1000]).toMatch(/^452 4\.5\.3 /);
  });

  it('cuts a client that goes on with RCPT after a hundred of those answers', async () => {
    await using fixture = await openListener({ limits: { recipients: 10 } });
    await using client = await SmtpClient.ready(fixture.port);
    await client.command('MAIL FROM:<>');
    await client.send('RCPT TO:<nobody@example.com>\r\n'.repeat(150));
    const lines = await client.replyLines(10 + 98 + 1);
    expect(lines.slice(0, 10).every((line) => line.startsWith('550 '))).toBe(true);
    expect(lines.slice(10, -1).every((line) => line.startsWith('452 '))).toBe(true);
    expect(lines.at(-1)).toMatch(/^421 4\.7\.0 /);
    await client.closed;
  });

  it('forgets a transaction at RSET and at EHLO', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    for (const command of ['RSET', 'EHLO again.test']) {
      await client.command('MAIL FROM:<a@b.c>');
      await client.command('RCPT TO:<journal@example.com>');
      await client.command(command);
      expect((await client.command('DATA')).text).toMatch(/^5\.5\.1 /);
    }
  });
});
