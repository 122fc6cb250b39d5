import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { SmtpClient, stuff } from '../support/smtp-client.ts';
import { bytesOf, eventually, type ListenerFixture, openListener, route } from '../support/smtp-listener.ts';

/** A client in DATA. */
async function inData(fixture: ListenerFixture): Promise<SmtpClient> {
  const client = await SmtpClient.ready(fixture.port);
  await client.send('MAIL FROM:<a@b.c>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
  expect((await client.replyLines(3))[2]).toMatch(/^354 /);
  return client;
}

describe('DATA', () => {
  it('keeps every byte: 8-bit, NUL, bare CR and LF, dots, long lines', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const body = Buffer.concat([
      Buffer.from('Subject: grüße\r\n\r\n.\n..\n\r.\r..\n'),
      everyByte,
      Buffer.from(`\r\n.\r\n..\r\n...\r\n${'z'.repeat(200_000)}\r\n\n.\n\r\n`),
    ]);
    await client.command('MAIL FROM:<a@b.c> BODY=8BITMIME SMTPUTF8 SIZE=300000');
    await client.command('RCPT TO:<journal@example.com>');
    await client.command('DATA');
    await client.send(stuff(body));
    expect((await client.reply()).code).toBe(250);
    expect(bytesOf(fixture.deliveries[0]).equals(body)).toBe(true);
  });

  it('takes an empty message', async () => {
    await using fixture = await openListener();
    await using client = await inData(fixture);
    await client.send('.\r\n');
    expect((await client.reply()).text).toMatch(/sha256=e3b0c44298fc1c149afbf4c8996fb924/);
    expect(fixture.deliveries[0]?.receipt.size).toBe(0);
  });

  it('loses no command that is pipelined behind the final dot', async () => {
    await using fixture = await openListener();
    await using client = await inData(fixture);
    await client.send('one\r\n.\r\nMAIL FROM:<d@e.f>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
    expect((await client.replyLines(4)).map((line) => line.slice(0, 3))).toEqual(['250', '250', '250', '354']);
    await client.send('two\r\n.\r\nQUIT\r\n');
    expect((await client.replyLines(2)).map((line) => line.slice(0, 3))).toEqual(['250', '221']);
    expect(fixture.deliveries.map((delivery) => bytesOf(delivery).toString())).toEqual(['one\r\n', 'two\r\n']);
    await client.closed;
  });

  it('answers a group of commands by one write, and one command by one', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const single = vi.spyOn(Socket.prototype, '_write');
    const several = vi.spyOn(Socket.prototype, '_writev' as '_write');
    // The client's own writes of this process are seen too, each of them a single one.
    const writes = (): readonly number[] => {
      const counts = [single.mock.calls.length - 1, several.mock.calls.length];
      single.mockClear();
      several.mockClear();
      return counts;
    };
    try {
      await client.send('MAIL FROM:<a@b.c>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
      expect((await client.replyLines(3)).map((line) => line.slice(0, 3))).toEqual(['250', '250', '354']);
      expect(writes()).toEqual([0, 1]);
      await client.send('one\r\n.\r\n');
      expect((await client.reply()).code).toBe(250);
      expect(writes()).toEqual([1, 0]);
      expect((await client.command('NOOP')).code).toBe(250);
      expect(writes()).toEqual([1, 0]);
      await client.send('NOOP\r\nRCPT TO:<journal@example.com>\r\nQUIT\r\n');
      expect((await client.replyLines(3)).map((line) => line.slice(0, 3))).toEqual(['250', '503', '221']);
      expect(writes()).toEqual([0, 1]);
      await client.closed;
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('takes whole transactions sent blindly in one segment', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const one = 'MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\nbody\r\n.\r\n';
    await client.send(`${one.repeat(20)}QUIT\r\n`);
    const codes = (await client.replyLines(81)).map((line) => line.slice(0, 3));
    expect(codes).toEqual([...Array.from({ length: 20 }, () => ['250', '250', '354', '250']).flat(), '221']);
    expect(fixture.deliveries).toHaveLength(20);
  });

  it('survives segments full of tiny messages that are all refused at once', async () => {
    await using fixture = await openListener({ limits: { commandsWithoutMail: 1e6 } });
    fixture.routes.set('j@x', route('tiny'));
    fixture.custody.onWrite = () => {
      throw new EngineFailure('store-failed');
    };
    await using client = await SmtpClient.ready(fixture.port);
    await client.send('MAIL FROM:<>\nRCPT TO:<j@x>\nDATA\n1\r\n.\r\n'.repeat(1500));
    const lines = await client.replyLines(6000);
    expect(lines.filter((line) => line.startsWith('451 4.3.0'))).toHaveLength(1500);
    expect((await client.command('NOOP')).code).toBe(250);
  });

  it('answers no command while a message waits for its answer', async () => {
    await using fixture = await openListener();
    fixture.onDelivery = () => undefined;
    await using client = await inData(fixture);
    await client.send('x\r\n.\r\nNOOP\r\nNOOP\r\n');
    await eventually(() => fixture.deliveries.length === 1);
    fixture.deliveries[0]?.acknowledge({ intakeIds: ['late'], receivedAt: 0, size: 3, sha256: 'aa' });
    expect(await client.replyLines(3)).toEqual(['250 2.0.0 queued as late sha256=aa', '250 2.0.0 OK', '250 2.0.0 OK']);
  });

  it.each(['RST', 'FIN'] as const)(
    'aborts the receipt when the client breaks off with %s, and delivers nothing',
    async (how) => {
      await using fixture = await openListener();
      const client = await inData(fixture);
      await client.send(`half a message\r\n.${how === 'FIN' ? '' : '\r'}`);
      await eventually(() => fixture.custody.receipts[0]?.size === 16);
      if (how === 'RST') client.reset();
      else client.end();
      await fixture.aborted(1);
      expect(fixture.deliveries).toHaveLength(0);
      await client.closed;
    },
  );

  it('neither aborts nor forgets a message whose client left before the answer', async () => {
    await using fixture = await openListener();
    fixture.onDelivery = () => undefined;
    const client = await inData(fixture);
    await client.send('x\r\n.\r\n');
    await eventually(() => fixture.deliveries.length === 1);
    client.reset();
    await client.closed;
    await eventually(() => fixture.listener.connections() === 0);
    expect(fixture.custody.receipts[0]?.aborted).toBe(false);
    fixture.deliveries[0]?.acknowledge({ intakeIds: ['x'], receivedAt: 0, size: 3, sha256: 'aa' });
  });

  it('stops reading while the receipt asks it to wait', async () => {
    await using fixture = await openListener({ maxMessageBytes: 64 * 1024 * 1024 });
    const gate: (() => void)[] = [];
    fixture.custody.onWrite = (receipt) =>
      receipt.size > 100_000 && gate.length === 0 ? new Promise((resolve) => gate.push(resolve)) : undefined;
    await using client = await inData(fixture);
    const body = Buffer.alloc(32 * 1024 * 1024, 'x\r\n');
    const sending = client.send(body);
    await eventually(() => gate.length === 1);
    const held = fixture.custody.receipts[0]?.size ?? 0;
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(fixture.custody.receipts[0]?.size).toBe(held);
    expect(held).toBeLessThan(300_000);
    gate[0]?.();
    await sending;
    await client.send('\r\n.\r\n');
    expect((await client.reply()).code).toBe(250);
    expect(fixture.custody.receipts[0]?.size).toBe(body.length + 2);
  });

  it.each([
    ['rejects', () => Promise.reject(new EngineFailure('store-full')), '452 4.3.1'],
    [
      'throws a bug',
      () => {
        throw new Error('bug');
      },
      '451 4.3.0',
    ],
  ] as const)('answers at the end of the message when a write %s, and goes on', async (_how, onWrite, reply) => {
    await using fixture = await openListener();
    fixture.custody.onWrite = onWrite;
    await using client = await inData(fixture);
    await client.send(stuff(Buffer.alloc(500_000, 'y')));
    const { code, text } = await client.reply();
    expect(`${code} ${text}`.startsWith(reply)).toBe(true);
    expect(fixture.custody.receipts[0]?.aborted).toBe(true);
    expect(fixture.deliveries).toHaveLength(0);
    fixture.custody.onWrite = undefined;
    expect((await client.mail(['journal@example.com'], 'x\r\n')).code).toBe(250);
  });

  it('answers 451 when no receipt can be begun', async () => {
    await using fixture = await openListener();
    fixture.custody.begin = () => {
      throw new EngineFailure('store-failed');
    };
    await using client = await SmtpClient.ready(fixture.port);
    expect(await client.mail(['journal@example.com'], 'x')).toMatchObject({ code: 451 });
  });

  it('refuses a message announced as too large at MAIL', async () => {
    await using fixture = await openListener({ maxMessageBytes: 1000 });
    await using client = await SmtpClient.ready(fixture.port);
    const { code, text } = await client.command('MAIL FROM:<ada@example.com> SIZE=1001');
    expect([code, text.slice(0, 5)]).toEqual([552, '5.3.4']);
    const mail = { mailFrom: 'ada@example.com', bytes: 1001 };
    expect(fixture.rejections).toMatchObject([{ reason: 'too-large', reply: '552 5.3.4', mail }]);
    expect((await client.command('MAIL FROM:<> SIZE=1000')).code).toBe(250);
  });

  it('takes a message of exactly the limit and refuses one byte more, keeping the connection', async () => {
    await using fixture = await openListener({ maxMessageBytes: 1000 });
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@example.com'], `${'x'.repeat(998)}\r\n`)).code).toBe(250);
    const { code, text } = await client.mail(['journal@example.com'], `${'x'.repeat(999)}\r\n`);
    expect([code, text.slice(0, 5)]).toEqual([552, '5.3.4']);
    expect(fixture.rejections).toMatchObject([{ reason: 'too-large', mail: { mailFrom: '', bytes: 1001 } }]);
    expect(fixture.custody.receipts[1]?.aborted).toBe(true);
    expect((await client.mail(['journal@example.com'], 'x\r\n')).code).toBe(250);
  });

  it('counts what it refuses for each definition that has lost it', async () => {
    await using fixture = await openListener({ maxMessageBytes: 1000 });
    for (const [at, id] of ['one', 'two', 'two'].entries()) fixture.routes.set(`${id}${at}@example.com`, route(id));
    await using client = await SmtpClient.ready(fixture.port);
    const { code } = await client.mail(['one0@example.com', 'two1@example.com', 'two2@example.com'], 'x'.repeat(2000));
    expect(code).toBe(552);
    expect(fixture.rejections.map(({ definitionId }) => definitionId)).toEqual(['one', 'two']);
  });

  it('cuts a client that will not stop', async () => {
    await using fixture = await openListener({ maxMessageBytes: 100_000, limits: { overrunBytes: 1_000_000 } });
    await using client = await inData(fixture);
    let over = false;
    const ended = client.replyOrEnd().then((reply) => {
      over = true;
      return reply;
    });
    const chunk = Buffer.alloc(100_000, 'x');
    for (let sent = 0; !over && sent < 1e9; sent += chunk.length) {
      await client.send(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await ended).toMatchObject({ code: 552 });
    expect(fixture.rejections[0]?.mail?.bytes).toBeGreaterThan(1_000_000);
    expect(fixture.custody.receipts[0]?.size).toBeLessThanOrEqual(100_000);
    expect(fixture.custody.receipts[0]?.aborted).toBe(true);
    await client.closed;
  });

  it('serves with the framing of the library too, and says so', async () => {
    await using fixture = await openListener({ stockFraming: true });
    expect(fixture.logged).toEqual([expect.stringMatching(/^warn DATA framing/)]);
    await using client = await SmtpClient.ready(fixture.port);
    const body = Buffer.from(`${'line\r\n'.repeat(50_000)}.\r\n..\r\n`);
    expect((await client.mail(['journal@example.com'], body)).code).toBe(250);
    expect(bytesOf(fixture.deliveries[0]).equals(body)).toBe(true);
    expect((await client.mail(['journal@example.com'], 'second\r\n')).code).toBe(250);
    const breaking = await inData(fixture);
    await breaking.send('half');
    breaking.reset();
    await fixture.aborted(1);
  });
});
