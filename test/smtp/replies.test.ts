import { describe, expect, it } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { openListener } from '../support/smtp-listener.ts';

const body = 'Subject: report\r\n\r\nHello\r\n';

describe('the answers of the SMTP listener', () => {
  it.each([
    ['full', '452 4.3.1', 'store-full'],
    ['overloaded', '452 4.3.2', 'overloaded'],
    ['failed', '451 4.3.0', 'store-failed'],
    ['stopping', '421 4.3.2', 'stopping'],
  ] as const)('answers MAIL while the engine is %s with %s', async (verdict, reply, reason) => {
    await using fixture = await openListener();
    fixture.verdict = verdict;
    await using client = await SmtpClient.ready(fixture.port);
    const { code, text } = await client.command('MAIL FROM:<a@b.c> SIZE=1234');
    expect(`${code} ${text}`.startsWith(`${reply} `)).toBe(true);
    expect(fixture.sizeHints).toEqual([1234]);
    expect(fixture.rejections).toEqual([{ definitionId: null, reason, reply, peer: '127.0.0.1' }]);
  });

  it('answers DATA with 452 where what was announced has no room any more, and lets none of its words into the log', async () => {
    await using fixture = await openListener();
    fixture.custody.room = 1_000;
    await using client = await SmtpClient.ready(fixture.port);
    await client.send('MAIL FROM:<a@b.c> SIZE=1001\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
    const [, , refused] = await client.replyLines(3);
    expect(refused).toMatch(/^452 4\.3\.1 /);
    await client.send('MAIL FROM: secretword\r\n');
    expect((await client.reply()).code).toBe(501);
    expect(fixture.logged.join()).not.toContain('secretword');
    expect(fixture.rejections).toMatchObject([{ reason: 'store-full', reply: '452 4.3.1' }]);
    expect(fixture.deliveries).toEqual([]);
    await client.command('RSET');
    await client.command('MAIL FROM:<a@b.c> SIZE=1000');
    await client.command('RCPT TO:<journal@example.com>');
    expect((await client.command('DATA')).code).toBe(354);
  });

  it('hands on no SIZE that is none, since a sum with it would be none for ever', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    for (const size of ['abc', '', '-5', '1e9', '0x10', 'Infinity']) {
      await client.command(`MAIL FROM:<a@b.c> SIZE=${size}`);
      await client.command('RSET');
    }
    expect(fixture.sizeHints.filter((hint) => hint !== null)).toEqual([]);
  });

  it.each([
    ['store-failed', '451 4.3.0 '],
    ['store-full', '452 4.3.1 '],
    ['commit-timeout', '451 4.3.0 '],
    ['too-large', '552 5.3.4 '],
    ['expired', '550 5.6.0 journal item older than 30 days'],
    ['damaged', '451 4.3.0 '],
  ] as const)('answers a message refused for %s, and goes on with the next', async (code, reply) => {
    await using fixture = await openListener();
    fixture.onDelivery = (delivery) => {
      delivery.receipt.abort();
      delivery.refuse(new EngineFailure(code));
    };
    await using client = await SmtpClient.ready(fixture.port);
    const refused = await client.mail(['journal@example.com'], body);
    expect(`${refused.code} ${refused.text}`.startsWith(reply)).toBe(true);
    expect(fixture.rejections).toMatchObject([{ definitionId: 'one', reply: reply.slice(0, 9) }]);
    fixture.onDelivery = undefined;
    expect((await client.mail(['journal@example.com'], body)).code).toBe(250);
  });

  it('names the real age limit', async () => {
    await using fixture = await openListener({ maxAgeMs: 36 * 3_600_000 });
    fixture.onDelivery = (delivery) => delivery.refuse(new EngineFailure('expired'));
    await using client = await SmtpClient.ready(fixture.port);
    const { text } = await client.mail(['journal@example.com'], body);
    expect(text).toBe('5.6.0 journal item older than 36 hours');
  });

  it('closes after a message refused because the engine stops', async () => {
    await using fixture = await openListener();
    fixture.onDelivery = (delivery) => delivery.refuse(new EngineFailure('stopping'));
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@example.com'], body)).code).toBe(421);
    await client.closed;
  });

  it.each(['WIZ', 'SHELL', 'KILL', 'HELP', 'VRFY x', 'XCLIENT ADDR=1.2.3.4', 'XFORWARD ADDR=1.2.3.4', 'BDAT 1'])(
    'does not know %s',
    async (command) => {
      await using fixture = await openListener();
      await using client = await SmtpClient.ready(fixture.port);
      const { code, text } = await client.command(command);
      expect(code).toBe(500);
      expect(text).toMatch(/^5\.5\.2 /);
    },
  );

  it('keeps a second answer to one delivery from reaching the client', async () => {
    await using fixture = await openListener();
    fixture.onDelivery = (delivery) => {
      delivery.acknowledge({ intakeIds: ['a'], receivedAt: 0, size: 1, sha256: 'ff' });
      delivery.refuse(new EngineFailure('store-failed'));
    };
    await using client = await SmtpClient.ready(fixture.port);
    expect((await client.mail(['journal@example.com'], body)).text).toBe('2.0.0 queued as a sha256=ff');
    expect((await client.command('NOOP')).code).toBe(250);
    fixture.onDelivery = undefined;
    await client.send('MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
    await client.replyLines(3);
    fixture.deliveries[0]?.refuse(new EngineFailure('store-failed'));
    await client.send('next\r\n.\r\n');
    expect((await client.reply()).text).toMatch(/queued as id-1/);
  });
});
