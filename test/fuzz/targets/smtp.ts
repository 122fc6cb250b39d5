import assert from 'node:assert/strict';
import { isIP, SocketAddress } from 'node:net';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { peerAddress } from '../../../src/smtp/address.ts';
import { DataScanner } from '../../../src/smtp/data-scanner.ts';
import { masked } from '../../../src/smtp/mask.ts';
import { readProxyHeader } from '../../../src/smtp/proxy-header.ts';
import { addressBlock, binaryHeader, lineHeader } from '../../support/proxy-headers.ts';
import { SmtpClient } from '../../support/smtp-client.ts';
import { openListener } from '../../support/smtp-listener.ts';
import type { Target } from '../fuzzer.ts';

const dataWords = ['\r\n.\r\n', '\r\n.', '\n.', '\r.', '..', '.', '\n.\n', '\r\n..\r\n', '\r\n.\r', '\u0000.'];

/** The rule in its plainest form: only CRLF ends a line, the line `.` ends it all, of two dots at a line's start one goes. */
function plainly(wire: Buffer): { readonly content: string; readonly end: number } {
  const text = `\r\n${wire.toString('latin1')}`;
  const end = text.indexOf('\r\n.\r\n');
  const content = (end < 0 ? text : text.slice(0, end + 2)).replaceAll('\r\n..', '\r\n.').slice(2);
  return { content, end: end < 0 ? -1 : end + 3 };
}

function scanned(wire: Buffer, pieces: () => number): { readonly content: string; readonly end: number } {
  const scanner = new DataScanner();
  const content: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const piece = Buffer.from(wire.subarray(at, at + pieces()));
    const end = scanner.feed(piece, (bytes) => void content.push(bytes.toString('latin1')));
    if (end >= 0) return { content: content.join(''), end: at + end };
    at += piece.length;
  }
  return { content: content.join(''), end: -1 };
}

/** DATA by the framing of smtp-server: whole messages only, of lines that end with CRLF and begin with no lone dot. */
async function byTheLibrary(wire: Buffer): Promise<string> {
  const stream = new SMTPStream();
  const data = stream.startDataMode();
  const content: Buffer[] = [];
  data.on('data', (chunk: Buffer) => void content.push(chunk));
  const ended = new Promise((resolve) => data.once('end', resolve));
  stream.write(wire);
  await ended;
  return Buffer.concat(content).toString('latin1');
}

/** Our DATA framing, cut everywhere, against the rule, and against the framing of smtp-server where that is exact. */
export const data: Target = {
  name: 'smtp-data',
  sources: ['/src/smtp/data-scanner'],
  share: 150,
  words: dataWords,
  seeds: () => [
    Buffer.from('Subject: x\r\n\r\n..dots\r\n.\r\nQUIT\r\n'),
    Buffer.from('.\r\nMAIL FROM:<>\r\n'),
    Buffer.from('a\r\n...\r\n\n.\n\r.\r\r\n.\r\n'),
    Buffer.from('..\r\n'.repeat(100)),
  ],
  run: (input, random) => {
    const expected = plainly(input);
    for (const pieces of [() => input.length, () => 1, () => 1 + random(7)]) {
      const found = scanned(input, pieces);
      assert.equal(found.end, expected.end, 'the end of the message');
      if (found.end >= 0) assert.equal(found.content, expected.content);
      else assert.ok(expected.content.startsWith(found.content) && expected.content.length - found.content.length <= 3);
    }
    const isExact =
      expected.end >= 0 && random(16) === 0 && !/(?:^|[^\r])\n|\r\n\.(?!\.)/.test(`\r\n${expected.content}`);
    if (!isExact) return;
    return byTheLibrary(input.subarray(0, expected.end)).then((content) => assert.equal(content, expected.content));
  },
};

/** What the detailed log shows of a command: never a word that is no part of a command's own form. */
export const mask: Target = {
  name: 'smtp-mask',
  sources: ['/src/smtp/mask'],
  share: 60,
  words: ['AUTH ', 'PLAIN ', 'MAIL FROM:', 'RCPT TO:', '<a@b>', ' SIZE=1', 'EHLO ', 'DATA', '"', '<', '>', '@', '='],
  seeds: () =>
    ['AUTH PLAIN secret', 'MAIL FROM:<a@b.example> SIZE=10', 'RCPT TO:<"a b"@c>', 'EHLO x'].map((line) =>
      Buffer.from(line),
    ),
  run: (input, random) => {
    const shown = masked(input.toString('utf8').replace(/\n.*/s, ''), random(2) === 0);
    const said = /^(?:AUTH [\w-]+ \*{3}|[A-Z]+ \*{3}|\*{3}|[A-Z]+)$/i.test(shown);
    if (!said) assert.match(shown, /^(?:(?:MAIL FROM|RCPT TO):|(?:EHLO|HELO) )[^\n]*$/i);
  },
};

/** What a balancer begins with, cut anywhere: one answer, which more bytes do not change, and one spelling of an address. */
export const proxy: Target = {
  name: 'smtp-proxy',
  sources: ['/src/smtp/proxy-header'],
  share: 60,
  words: [
    ...[
      'PROXY ',
      'TCP4 ',
      'TCP6 ',
      'UNKNOWN',
      '192.0.2.7 ',
      '::1 ',
      '::ffff:192.0.2.7 ',
      '65535 ',
      '0',
      '\r\n',
      '\r',
      '\n',
    ],
    ...['\r\n\r\n\0\r\nQUIT\n', '!\x11\0\x0c', '!!\0$', ' \0\0\0', '!\x31\0\xd8', '\xff\xff', '%eth0'],
  ],
  seeds: () => [
    lineHeader({ source: '192.0.2.7' }),
    lineHeader({ source: '2001:db8::7' }),
    binaryHeader(addressBlock(Buffer.from([192, 0, 2, 7]), 25, Buffer.alloc(20))),
    binaryHeader(addressBlock(Buffer.alloc(16, 1), 25), { transport: 0x21 }),
    binaryHeader(Buffer.alloc(0), { command: 0x20, transport: 0 }),
  ],
  run: (input, random) => {
    const whole = readProxyHeader(input);
    const part = readProxyHeader(input.subarray(0, random(input.length + 1)));
    if (part.kind !== 'more') assert.deepEqual(part, whole);
    if (whole.kind === 'more') assert.ok(input.length < 4096, 'no end of waiting');
    if (whole.kind !== 'whole') return;
    assert.ok(whole.bytes <= Math.min(input.length, 4096), 'a header within its bounds');
    assert.deepEqual(readProxyHeader(input.subarray(0, whole.bytes)), whole);
    if (whole.client === null) return;
    const { address } = whole.client;
    assert.ok(isIP(address) !== 0 && peerAddress(address) === address, `the address ${address}`);
    const respelt = isIP(address) === 4 ? address : new SocketAddress({ address, family: 'ipv6' }).address;
    assert.equal(respelt, address);
  },
};

/** Any bytes on a connection: every answer is well-formed, the listener goes on, and nothing is logged as broken. */
export const dialogue: Target = {
  name: 'smtp-dialogue',
  sources: ['/src/smtp/'],
  share: 6,
  words: [
    ...['EHLO x\r\n', 'HELO x\r\n', 'MAIL FROM:<>\r\n', 'RCPT TO:<journal@example.com>\r\n', 'DATA\r\n', 'RSET\r\n'],
    ...[
      'AUTH PLAIN AGEAYg==\r\n',
      'AUTH LOGIN\r\n',
      'YQ==\r\n',
      'NOOP\r\n',
      'VRFY x\r\n',
      'STARTTLS\r\n',
      'BDAT 5 LAST\r\n',
    ],
    ...['XCLIENT ADDR=127.0.0.1\r\n', 'GET / HTTP/1.1\r\n', ' SIZE=99999999999', ' BODY=8BITMIME', ' SMTPUTF8', 'é'],
    ...dataWords,
  ],
  seeds: () => [
    Buffer.from(
      'EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<journal@example.com>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\nQUIT\r\n',
    ),
    Buffer.from('EHLO x\r\nAUTH LOGIN\r\nam91cm5hbEBleGFtcGxlLmNvbQ==\r\nc2VjcmV0\r\n'),
    Buffer.from('MAIL FROM:<"a b"@c> SIZE=10 AUTH=<>\r\nRCPT TO:<@x:journal@example.com>\r\n'),
  ],
  open: async () => {
    const listener = await openListener();
    return {
      run: async (input, random) => {
        const client = await SmtpClient.connect(listener.port);
        await client.reply();
        await client.sendSplit(input, 1 + random(Math.max(16, input.length)));
        // Whatever came before may be a line or a mail that is not ended: three ways out of it.
        await client.send('\r\n.\r\n\r\nQUIT\r\n');
        client.end();
        for (let reply = await client.replyOrEnd(); reply !== undefined; reply = await client.replyOrEnd()) {
          assert.ok(reply.code >= 200 && reply.code < 600, `the code ${reply.code}`);
          assert.match(reply.text, /^[\x20-\x7e\n\u0080-\u00ff]*$/, 'an answer of printable text');
        }
        await client[Symbol.asyncDispose]();
        const broken = listener.logged.filter((line) => line.startsWith('error'));
        assert.deepEqual(broken, []);
        for (const list of [listener.logged, listener.deliveries, listener.rejections, listener.custody.receipts]) {
          (list as unknown[]).length = 0;
        }
      },
      [Symbol.asyncDispose]: () => Promise.resolve(listener[Symbol.asyncDispose]()),
    };
  },
};
