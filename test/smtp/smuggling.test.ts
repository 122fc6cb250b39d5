import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SmtpClient, stuff } from '../support/smtp-client.ts';
import { bytesOf, openListener } from '../support/smtp-listener.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

/** Everything that some server somewhere takes for the end of a message, but for the one that is (reliability 2.1). */
const endings = [
  ...['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\n.\r', '\r.\r\n', '\r\r\n.\r', '\n\n.\n\n'],
  ...['\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n. \r\n', '\r\n.\r\r\n', '\r\n.\n\r\n', '\n\r.\n\r', '\r\0\n.\r\n'],
  ...['\n.\r\r\n', '\u0085.\u0085', '\r\n\t.\r\n'],
];
const envelope = 'MAIL FROM:<>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\n';
const hidden = 'MAIL FROM:<evil@b.c>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\nevil\r\n';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const tls = makeTlsPair();

/** How the bytes come: after each answer, inside TLS, or all at once, the envelope of the next mail behind the last dot. */
const ways = ['plain', 'STARTTLS', 'pipelined'] as const;

/** Sends one message in two pieces; its answer. What comes after the final dot is answered too where it is pipelined. */
async function sendCut(client: SmtpClient, wire: Buffer, cut: number, way: (typeof ways)[number]): Promise<number> {
  const isPipelined = way === 'pipelined';
  if (!isPipelined) {
    await client.send(envelope);
    await client.replyLines(3);
  }
  const bytes = isPipelined ? Buffer.concat([Buffer.from(envelope), wire, Buffer.from('NOOP\r\n')]) : wire;
  const at = isPipelined && cut > 0 ? envelope.length + cut : cut;
  await client.send(bytes.subarray(0, at));
  await turn();
  await client.send(bytes.subarray(at));
  if (isPipelined) await client.replyLines(3);
  const { code } = await client.reply();
  if (isPipelined) expect((await client.reply()).text).toBe('2.0.0 OK');
  return code;
}

describe('smuggling', () => {
  it.each(ways.flatMap((way) => endings.map((ending) => [JSON.stringify(ending), way, ending] as const)))(
    'is not possible with %s (%s), in one piece, cut anywhere or byte by byte',
    async (_name, way, ending) => {
      await using fixture = await openListener({ tls });
      await using client = await SmtpClient.ready(fixture.port);
      if (way === 'STARTTLS') {
        await client.startTls();
        await client.command('EHLO x');
      }
      const content = Buffer.from(`first${ending}${hidden}`, 'latin1');
      const wire = Buffer.concat([content, Buffer.from('.\r\n')]);
      let sent = 0;
      const took = async (code: number): Promise<void> => {
        sent += 1;
        expect(code).toBe(250);
        expect(fixture.deliveries).toHaveLength(sent);
        expect(bytesOf(fixture.deliveries.at(-1)).equals(content)).toBe(true);
      };
      // In clear at every byte; the other ways have the same scanner behind them, and are cut where it decides.
      const isNear = (cut: number): boolean => cut < ending.length + 8 || cut > wire.length - 6;
      for (let cut = 0; cut < wire.length; cut += 1) {
        if (way === 'plain' || isNear(cut)) await took(await sendCut(client, wire, cut, way));
      }
      await client.send(envelope);
      await client.replyLines(3);
      await client.sendSplit(wire, 1);
      await took((await client.reply()).code);
      expect((await client.command('NOOP')).text).toBe('2.0.0 OK');
    },
  );

  it('is seen by these tests where it happens: what the protocol takes for an end is one', async () => {
    await using fixture = await openListener();
    await using client = await SmtpClient.ready(fixture.port);
    await client.send(`${envelope}first\r\n.\r\n${hidden}.\r\n`);
    await client.replyLines(8);
    expect(fixture.deliveries.map((delivery) => bytesOf(delivery).toString())).toEqual(['first\r\n', 'evil\r\n']);
  });

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
