import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SmtpClient } from '../support/smtp-client.ts';
import { type ListenerFixture, openListener, route } from '../support/smtp-listener.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plain = (user: string, password: string): string => `AUTH PLAIN ${base64(`\0${user}\0${password}`)}`;
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

async function openWithAuth(options: Parameters<typeof openListener>[0] = {}): Promise<ListenerFixture> {
  const fixture = await openListener(options);
  const secret = { requireAuth: true, verifyPassword: (password: string) => password === 'sesam' };
  fixture.routes.set('locked@example.com', route('locked', secret));
  return fixture;
}

describe('SMTP AUTH', () => {
  it('logs a client on this machine in by PLAIN, and takes its mail', async () => {
    await using fixture = await openWithAuth();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.command(plain('Locked@Example.com', 'sesam'))).text).toMatch(/^2\.7\.0 /);
    expect((await client.mail(['locked@example.com'], 'x\r\n')).code).toBe(250);
    expect(fixture.deliveries[0]?.transport.authenticatedAs).toBe('locked@example.com');
  });

  it('logs in by PLAIN on a line of its own and by LOGIN', async () => {
    await using fixture = await openWithAuth();
    await using one = await SmtpClient.ready(fixture.port);
    expect((await one.command('AUTH PLAIN')).code).toBe(334);
    expect((await one.command(base64('\0locked@example.com\0sesam'))).code).toBe(235);
    await using two = await SmtpClient.ready(fixture.port);
    expect(await two.command('AUTH LOGIN')).toEqual({ code: 334, text: base64('Username:') });
    expect(await two.command(base64('locked@example.com'))).toEqual({ code: 334, text: base64('Password:') });
    expect((await two.command(base64('sesam'))).code).toBe(235);
  });

  it('answers 503 within a mail transaction, whatever the password, and counts nothing', async () => {
    await using fixture = await openWithAuth({ limits: { authTries: 1, authFailures: 1 } });
    fixture.routes.set('open@example.com', route('open'));
    await using client = await SmtpClient.ready(fixture.port);
    for (const [from, password] of [
      ['a@example.com', 'sesam'],
      ['', 'wrong'],
    ]) {
      expect((await client.command(`MAIL FROM:<${from}>`)).code).toBe(250);
      expect(await client.command(plain('locked@example.com', password ?? ''))).toMatchObject({
        code: 503,
        text: expect.stringMatching(/^5\.5\.1 /),
      });
      // The transaction goes on as who it was.
      expect((await client.command('RCPT TO:<locked@example.com>')).code).toBe(530);
      expect((await client.command('RCPT TO:<open@example.com>')).code).toBe(250);
      await client.command('RSET');
    }
    expect(fixture.rejections.filter(({ reason }) => reason === 'auth-failed')).toEqual([]);
    expect((await client.command(plain('locked@example.com', 'sesam'))).code).toBe(235);
  });

  it('waits for a check that takes its time', async () => {
    await using fixture = await openWithAuth();
    const verifyPassword = async (password: string): Promise<boolean> => {
      await new Promise((resolve) => setImmediate(resolve));
      return password === 'late';
    };
    fixture.routes.set('late@example.com', route('late', { requireAuth: true, verifyPassword }));
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.command(plain('late@example.com', 'early'))).code).toBe(535);
    expect((await client.command(plain('late@example.com', 'late'))).code).toBe(235);
  });

  it('answers 454 when the check itself fails, and does not count it', async () => {
    await using fixture = await openWithAuth({ limits: { authTries: 100, authFailures: 1 } });
    const verifyPassword = (): Promise<boolean> => Promise.reject(new Error('no worker'));
    fixture.routes.set('broken@example.com', route('broken', { requireAuth: true, verifyPassword }));
    await using client = await SmtpClient.ready(fixture.port);
    for (let i = 0; i < 3; i++) {
      expect((await client.command(plain('broken@example.com', 'x'))).text).toMatch(/^4\.7\.0 temporary/);
    }
  });

  it.each([
    ['a wrong password', plain('locked@example.com', 'wrong')],
    ['an unknown user', plain('nobody@example.com', 'sesam')],
    ['a user whose definition has no AUTH', plain('journal@example.com', '')],
    ['one user acting for another', `AUTH PLAIN ${base64('other@example.com\0locked@example.com\0sesam')}`],
  ])('answers 535 5.7.8 to %s', async (_name, command) => {
    await using fixture = await openWithAuth();
    await using client = await SmtpClient.ready(fixture.port);
    const { code, text } = await client.command(command);
    expect(code).toBe(535);
    expect(text).toMatch(/^5\.7\.8 /);
    expect(fixture.rejections).toMatchObject([{ reason: 'auth-failed', reply: '535 5.7.8' }]);
  });

  it('answers 550 5.7.1 at RCPT to another identity', async () => {
    await using fixture = await openWithAuth();
    fixture.routes.set('other@example.com', route('other', { requireAuth: true, suspended: true }));
    await using client = await SmtpClient.ready(fixture.port);
    await client.command(plain('locked@example.com', 'sesam'));
    await client.command('MAIL FROM:<>');
    expect((await client.command('RCPT TO:<other@example.com>')).text).toMatch(/^5\.7\.1 /);
    expect((await client.command('RCPT TO:<LOCKED@example.com>')).code).toBe(250);
  });

  it('gives a connection three tries', async () => {
    await using fixture = await openWithAuth();
    await using client = await SmtpClient.ready(fixture.port);
    for (let i = 0; i < 3; i++) expect((await client.command(plain('locked@example.com', 'no'))).code).toBe(535);
    const { code, text } = await client.command(plain('locked@example.com', 'sesam'));
    expect(code).toBe(421);
    expect(text).toMatch(/^4\.7\.0 /);
    await client.closed;
  });

  it('locks an address after five failures, for ten minutes, and no longer', async () => {
    await using fixture = await openWithAuth();
    const codes: number[] = [];
    for (let connection = 0; connection < 3; connection++) {
      await using client = await SmtpClient.ready(fixture.port);
      for (let i = 0; i < 2; i++) {
        const reply = await client.command(plain('locked@example.com', 'no'));
        codes.push(reply.code);
        if (reply.code === 421) break;
      }
    }
    expect(codes).toEqual([535, 535, 535, 535, 421]);
    fixture.clock.advance(599_000);
    await using early = await SmtpClient.ready(fixture.port);
    expect((await early.command(plain('locked@example.com', 'sesam'))).code).toBe(421);
    fixture.clock.advance(1000);
    await using late = await SmtpClient.ready(fixture.port);
    expect((await late.command(plain('locked@example.com', 'sesam'))).code).toBe(235);
  });

  it('lets no more tries run side by side than may fail', async () => {
    await using fixture = await openWithAuth();
    const open: ((right: boolean) => void)[] = [];
    const verifyPassword = (): Promise<boolean> => new Promise((resolve) => open.push(resolve));
    fixture.routes.set('slow@example.com', route('slow', { requireAuth: true, verifyPassword }));
    const clients = await Promise.all(Array.from({ length: 8 }, () => SmtpClient.ready(fixture.port)));
    const answers = clients.map((client) => client.command(plain('slow@example.com', 'guess')));
    const refused = await Promise.all(clients.slice(5).map(async (_, i) => (await answers[i + 5])?.code));
    expect(refused).toEqual([421, 421, 421]);
    expect(open).toHaveLength(5);
    for (const resolve of open) resolve(false);
    await Promise.all(answers);
    for (const client of clients) client.destroy();
  });

  it('checks a decoy for a user who is none, whose definition has no AUTH, or who acts for another', async () => {
    await using fixture = await openWithAuth();
    await using client = await SmtpClient.ready(fixture.port);
    await client.command(plain('Nobody@example.com', 'sesam'));
    await client.command(plain('journal@example.com', ''));
    await client.command(`AUTH PLAIN ${base64('other@example.com\0locked@example.com\0sesam')}`);
    expect(fixture.decoys).toEqual(['nobody@example.com', 'journal@example.com', '']);
    await using another = await SmtpClient.ready(fixture.port);
    await another.command(plain('locked@example.com', 'wrong'));
    expect(fixture.decoys).toHaveLength(3);
  });

  it('slows an account down that many addresses guess at, and keeps nobody out of it', async () => {
    await using fixture = await openWithAuth();
    const from = (n: number) => SmtpClient.ready(fixture.port, { localAddress: `127.0.1.${n}` });
    const guess = async (n: number, user: string): Promise<SmtpClient> => {
      const client = await from(n);
      expect((await client.command(plain(user, 'no'))).code).toBe(535);
      return client;
    };
    await using owner = await from(200);
    expect((await owner.command(plain('locked@example.com', 'sesam'))).code).toBe(235);
    // As of one that is there, so of one that is not.
    for (const user of ['locked@example.com', 'nobody@example.com']) {
      for (let n = 1; n <= 10; n += 1) (await guess(n, user)).destroy();
    }
    for (const [user, code] of [['locked@example.com', 235] as const, ['nobody@example.com', 535] as const]) {
      await using late = await from(100);
      let answered = false;
      const answer = late.command(plain(user, 'sesam')).then((reply) => {
        answered = true;
        return reply;
      });
      // Another one, so that the engine has surely read what came before.
      expect((await (await guess(101, `other-${user}`)).command('NOOP')).code).toBe(250);
      expect(answered).toBe(false);
      fixture.clock.advance(1000);
      expect((await answer).code).toBe(code);
    }
    await using again = await from(200);
    expect((await again.command(plain('locked@example.com', 'sesam'))).code).toBe(235);
  });

  it('ends a session whose password has changed before its next transaction', async () => {
    await using fixture = await openWithAuth();
    const secret = { requireAuth: true, verifyPassword: () => true };
    fixture.routes.set('locked@example.com', route('locked', { ...secret, secretId: 1 }));
    await using client = await SmtpClient.ready(fixture.port);
    await client.command(plain('locked@example.com', 'x'));
    expect((await client.mail(['locked@example.com'], 'x\r\n')).code).toBe(250);
    fixture.routes.set('locked@example.com', route('locked', { ...secret, secretId: 2 }));
    expect((await client.command('MAIL FROM:<>')).code).toBe(421);
    await client.closed;
  });

  it('takes only PLAIN and LOGIN', async () => {
    await using fixture = await openWithAuth();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.command('AUTH CRAM-MD5')).text).toMatch(/^5\.5\.4 /);
    expect((await client.command('AUTH XOAUTH2 eA==')).text).toMatch(/^5\.5\.4 /);
  });

  it.skipIf(outside === undefined)('is hidden from other machines until TLS is on', async () => {
    await using fixture = await openWithAuth({ host: '0.0.0.0', tls: makeTlsPair() });
    await using client = await SmtpClient.connect(fixture.port, { host: outside ?? '' });
    await client.reply();
    expect((await client.command('EHLO x')).text).not.toMatch(/AUTH/);
    expect((await client.command(plain('locked@example.com', 'sesam'))).code).toBe(500);
    await client.startTls();
    expect((await client.command('EHLO x')).text).toMatch(/AUTH PLAIN LOGIN|AUTH LOGIN PLAIN/);
    expect((await client.command(plain('locked@example.com', 'sesam'))).code).toBe(235);
    expect((await client.mail(['locked@example.com'], 'x\r\n')).code).toBe(250);
    expect(fixture.deliveries[0]?.transport).toMatchObject({ peer: outside, tls: 'TLSv1.3' });
  });
});
