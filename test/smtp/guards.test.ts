import { describe, expect, it } from 'vitest';
import { SmtpClient } from '../support/smtp-client.ts';
import { acknowledge, eventually, type ListenerFixture, openListener } from '../support/smtp-listener.ts';

async function inData(fixture: ListenerFixture): Promise<SmtpClient> {
  const client = await SmtpClient.ready(fixture.port);
  await client.send('MAIL FROM:<a@b.c>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
  await client.replyLines(3);
  return client;
}

/** Resolves when a client that came later than all others has been cut for being idle. */
async function idleTimePasses(fixture: ListenerFixture): Promise<void> {
  const idle = await SmtpClient.ready(fixture.port);
  expect((await idle.reply()).code).toBe(421);
}

async function connectMany(fixture: ListenerFixture, count: number): Promise<SmtpClient[]> {
  const clients: SmtpClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await SmtpClient.connect(fixture.port);
    expect((await client.reply()).code).toBe(220);
    clients.push(client);
  }
  return clients;
}

describe('the number of connections', () => {
  it('ends at smtp.maxConnections with 421 4.3.2, until one leaves', async () => {
    await using fixture = await openListener({ maxConnections: 5 });
    const clients = await connectMany(fixture, 5);
    const refused = await SmtpClient.connect(fixture.port);
    expect(await refused.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.2 /) });
    await refused.closed;
    expect(fixture.rejections).toMatchObject([{ reason: 'too-many-connections', reply: '421 4.3.2' }]);
    clients[0]?.end();
    await eventually(() => fixture.listener.connections() === 4);
    await using next = await SmtpClient.ready(fixture.port);
    expect((await next.mail(['journal@example.com'], 'x')).code).toBe(250);
    for (const client of clients) client.destroy();
  });

  it('ends at twenty for an address that may not send, and not for others', async () => {
    await using fixture = await openListener();
    fixture.known = false;
    const clients = await connectMany(fixture, 20);
    const refused = await SmtpClient.connect(fixture.port);
    expect((await refused.reply()).code).toBe(421);
    fixture.known = true;
    await using welcome = await SmtpClient.connect(fixture.port);
    expect((await welcome.reply()).code).toBe(220);
    for (const client of clients) client.destroy();
  });
});

describe('a client that brings no mail', () => {
  it('is cut after 100 commands', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    await client.send('NOOP\r\n'.repeat(150));
    const lines = await client.replyLines(100);
    expect(lines.filter((line) => line.startsWith('250'))).toHaveLength(99);
    expect(lines[99]).toMatch(/^421 4\.7\.0 /);
    await client.closed;
  });

  it('counts from anew after each accepted message', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    for (let i = 0; i < 3; i++) {
      await client.send('NOOP\r\n'.repeat(90));
      await client.replyLines(90);
      expect((await client.mail(['journal@example.com'], 'x')).code).toBe(250);
    }
  });

  it('is cut after ten unknown commands', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    await client.send('FOO\r\n'.repeat(10));
    expect((await client.replyLines(10)).at(-1)).toMatch(/^421 /);
  });

  it('may not send a command line above 4 KB, nor any line above 16 KB', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.command(`NOOP ${'x'.repeat(5000)}`)).text).toMatch(/^5\.5\.2 /);
    expect((await client.command('NOOP')).code).toBe(250);
    await client.send('x'.repeat(20_000));
    expect((await client.reply()).code).toBe(421);
    await client.closed;
  });

  it('may not pass for a web page', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.connect(fixture.port);
    await client.reply();
    await client.send('POST / HTTP/1.1\r\nMAIL FROM:<a@b.c>\r\n');
    expect((await client.reply()).code).toBe(421);
    await client.closed;
  });

  it('is cut 30 minutes after its last message, however busy', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    fixture.clock.advance(1_700_000);
    expect((await client.mail(['journal@example.com'], 'x')).code).toBe(250);
    fixture.clock.advance(1_700_000);
    expect((await client.command('NOOP')).code).toBe(250);
    fixture.clock.advance(101_000);
    expect(await client.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.4\.2 /) });
    await client.closed;
  });

  it('is cut when it is silent for the idle time', async () => {
    await using fixture = await openListener({ idleTimeoutMs: 300 });
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.reply()).code).toBe(421);
    await client.closed;
  });
});

describe('a slow message', () => {
  it('is cut below 1 kB/s, measured over 30 seconds at any point of it', async () => {
    await using fixture = await openListener();
    await using client = await inData(fixture);
    await client.send(Buffer.alloc(500_000, 'x'));
    await eventually(() => fixture.custody.receipts[0]?.size === 500_000);
    fixture.clock.advance(31_000);
    await client.send(Buffer.alloc(29_000, 'x'));
    await eventually(() => fixture.custody.receipts[0]?.size === 529_000);
    expect(fixture.listener.connections()).toBe(1);
    fixture.clock.advance(31_000);
    expect(await client.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.4\.2 /) });
    await fixture.aborted(1);
    await client.closed;
  });

  it('may take its time while it comes fast enough, but not for ever', async () => {
    await using fixture = await openListener();
    await using client = await inData(fixture);
    for (let seconds = 0; seconds < 900; seconds += 30) {
      await client.send(Buffer.alloc(31_000, 'x'));
      await eventually(() => fixture.custody.receipts[0]?.size === (seconds / 30 + 1) * 31_000);
      expect(fixture.listener.connections()).toBe(1);
      fixture.clock.advance(30_000);
    }
    fixture.clock.advance(2000);
    expect((await client.reply()).code).toBe(421);
  });

  it('is not to blame while we do not read, or owe the answer', async () => {
    await using fixture = await openListener({ idleTimeoutMs: 300 });
    fixture.onDelivery = () => undefined;
    let open = (): void => undefined;
    fixture.custody.onWrite = () =>
      new Promise((resolve) => {
        open = resolve;
      });
    await using client = await inData(fixture);
    await client.send('x');
    await eventually(() => fixture.custody.receipts[0]?.size === 1);
    fixture.clock.advance(600_000);
    await idleTimePasses(fixture);
    fixture.custody.onWrite = undefined;
    open();
    await client.send('\r\n.\r\n');
    await eventually(() => {
      open();
      return fixture.deliveries.length === 1;
    });
    fixture.clock.advance(3_600_000);
    await idleTimePasses(fixture);
    for (const delivery of fixture.deliveries) await acknowledge(delivery);
    expect((await client.reply()).code).toBe(250);
  });
});

describe('closing the listener', () => {
  it('ends idle connections with 421 at once, takes no new ones, and can be asked twice', async () => {
    const fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const closing = [fixture.listener.close(), fixture.listener.close()];
    expect(await client.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.2 /) });
    await client.closed;
    await Promise.all(closing);
    await expect(SmtpClient.connect(fixture.port)).rejects.toThrow();
  });

  it('lets a message in DATA finish, answers it, and then says goodbye', async () => {
    const fixture = await openListener();
    await using client = await inData(fixture);
    await client.send('begun\r\n');
    const closing = fixture.listener.close();
    await client.send('finished\r\n.\r\n');
    const lines = await client.replyLines(2);
    expect(lines[0]).toMatch(/^250 2\.0\.0 queued as id-1/);
    expect(lines[1]).toMatch(/^421 4\.3\.2 /);
    await closing;
    expect(fixture.deliveries).toHaveLength(1);
  });

  it('breaks off what is not finished within the grace, and aborts it', async () => {
    const fixture = await openListener();
    let completed = false;
    fixture.listener.delivery$.subscribe({
      complete: () => {
        completed = true;
      },
    });
    await using client = await inData(fixture);
    await client.send('begun\r\n');
    await eventually(() => fixture.custody.receipts[0]?.size === 7);
    const closing = fixture.listener.close();
    fixture.clock.advance(9000);
    expect(fixture.custody.receipts[0]?.aborted).toBe(false);
    fixture.clock.advance(1000);
    await closing;
    expect(fixture.custody.receipts[0]?.aborted).toBe(true);
    expect(completed).toBe(true);
    await client.closed;
  });

  it('does not wait for a client that keeps its side open', async () => {
    const fixture = await openListener();
    const client = await SmtpClient.ready(fixture.port);
    client.pause();
    const closing = fixture.listener.close();
    fixture.clock.advance(3000);
    await closing;
    client.destroy();
  });
});

describe('opening the listener', () => {
  it('fails when the port is taken', async () => {
    await using fixture = await openListener();
    await expect(openListener({ port: fixture.port })).rejects.toThrow(/EADDRINUSE/);
  });

  it('refuses messages as long as nobody takes deliveries', async () => {
    await using fixture = await openListener();
    fixture.stopTaking();
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@example.com'], 'x')).code).toBe(421);
    expect(fixture.custody.receipts[0]?.aborted).toBe(true);
  });
});
