import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SmtpClient, stuff } from '../support/smtp-client.ts';
import { bytesOf, openListener } from '../support/smtp-listener.ts';

describe('smuggling', () => {
  const endings = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\n.\r',
    '\r.\r\n',
    '\r\r\n.\r',
    '\n\n.\n\n',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\r\n. \r\n',
    '\r\n.\r\r\n',
    '\r\n.\n\r\n',
  ];
  const hidden = 'MAIL FROM:<evil@b.c>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\nevil\r\n';

  it.each(endings.map((ending) => [JSON.stringify(ending), ending]))(
    'is not possible with %s, in one piece or cut anywhere',
    async (_name, ending) => {
      await using fixture = await openListener();
      await using client = await SmtpClient.ready(fixture.port);
      const content = Buffer.from(`first${ending}${hidden}`, 'latin1');
      const wire = Buffer.concat([content, Buffer.from('.\r\n')]);
      const around = Array.from({ length: ending.length + 2 }, (_, i) => 4 + i);
      for (const cut of [0, ...around]) {
        await client.send('MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
        await client.replyLines(3);
        await client.send(wire.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        await client.send(wire.subarray(cut));
        expect((await client.reply()).code).toBe(250);
        expect(bytesOf(fixture.deliveries.at(-1)).toString('latin1')).toBe(content.toString('latin1'));
      }
      await client.sendSplit(Buffer.concat([Buffer.from('MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\n')]), 1);
      await client.replyLines(2);
      await client.command('DATA');
      await client.sendSplit(wire, 1);
      expect((await client.reply()).code).toBe(250);
      expect((await client.command('NOOP')).text).toBe('2.0.0 OK');
      expect(fixture.deliveries).toHaveLength(around.length + 2);
    },
  );

  it('finds random bodies unchanged on the far side of a socket', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    const token = fc.constantFrom('\r\n', '.', '..', '\n', '\r', 'a', '\0', '\xff', '\r\n.', '\n.');
    const bodies = fc.array(token, { maxLength: 30 }).map((tokens) => Buffer.from(`${tokens.join('')}\r\n`, 'latin1'));
    await fc.assert(
      fc.asyncProperty(bodies, fc.integer({ min: 1, max: 9 }), async (body, piece) => {
        await client.send('MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n');
        await client.replyLines(3);
        await client.sendSplit(stuff(body), piece);
        expect((await client.reply()).code).toBe(250);
        expect(bytesOf(fixture.deliveries.at(-1)).toString('latin1')).toBe(body.toString('latin1'));
      }),
      { numRuns: 60 },
    );
  });
});
