import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DialogueLine } from '../../src/smtp/dialogue.ts';
import { Introductions } from '../../src/smtp/introductions.ts';
import { smtpLimits } from '../../src/smtp/limits.ts';
import type { ProxyClient } from '../../src/smtp/proxy-header.ts';
import { addressBlock, binaryHeader, lineHeader } from '../support/proxy-headers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { bytesOf, eventually, type ListenerFixture, openListener, route } from '../support/smtp-listener.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const us = '127.0.0.1';
const to = ['journal@example.com'];
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const local = binaryHeader(Buffer.alloc(0), { command: 0x20, transport: 0 });

/** A listener to which this machine is a balancer. */
async function openBehind(...args: Parameters<typeof openListener>): Promise<ListenerFixture> {
  const fixture = await openListener(...args);
  fixture.balancers.add(us);
  return fixture;
}

async function told(fixture: ListenerFixture, header: Buffer): Promise<SmtpClient> {
  const client = await SmtpClient.connect(fixture.port);
  await client.send(header);
  return client;
}

async function readyFrom(fixture: ListenerFixture, source: string): Promise<SmtpClient> {
  const client = await told(fixture, lineHeader({ source }));
  expect((await client.reply()).code).toBe(220);
  await client.command('EHLO client.test');
  return client;
}

describe('the client that a balancer tells of', () => {
  test.each([
    ['version 1', lineHeader({ source: '203.0.113.7' }), '203.0.113.7'],
    ['version 2', binaryHeader(addressBlock(Buffer.from([203, 0, 113, 7]), 1)), '203.0.113.7'],
    ['version 1, IPv6', lineHeader({ source: '2001:db8::7' }), '2001:db8::7'],
    ['version 1, IPv4 as IPv6', lineHeader({ source: '::ffff:203.0.113.7' }), '203.0.113.7'],
  ])('is the peer everywhere (%s)', async (_version, header, peer) => {
    const lines: DialogueLine[] = [];
    const dialogue = { wanted: () => true, line: (_id: string, line: DialogueLine) => void lines.push(line) };
    await using fixture = await openBehind({}, { dialogue });
    const asked: string[] = [];
    const ask = (address: string): boolean => asked.push(address) > 1;
    fixture.routes.set('journal@example.com', route('one', { sourceAllowed: ask }));
    await using client = await told(fixture, header);
    expect((await client.reply()).code).toBe(220);
    await client.command('EHLO client.test');
    expect((await client.mail(to, 'x')).text).toMatch(/^4\.7\.1 /);
    expect(fixture.rejections).toMatchObject([{ reason: 'source', peer }]);
    await client.command('RSET');
    expect((await client.mail(to, 'x')).code).toBe(250);
    expect(fixture.deliveries[0]?.transport.peer).toBe(peer);
    expect(asked).toEqual([peer, peer]);
    expect(new Set(lines.map((line) => line.peer))).toEqual(new Set([peer]));
  });

  test('is met wherever the header is cut, with all that it says behind it', async () => {
    await using fixture = await openBehind();
    const header = binaryHeader(addressBlock(Buffer.from([203, 0, 113, 7]), 1, Buffer.alloc(40, 4)));
    const commands = `EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<${to[0]}>\r\nDATA\r\n`;
    const body = 'Subject: x\r\n\r\nPROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n';
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), async (pieceBytes) => {
        await using client = await SmtpClient.connect(fixture.port);
        await client.sendSplit(Buffer.from(Buffer.concat([header, Buffer.from(commands)])), pieceBytes);
        expect((await client.replyLines(5)).map((line) => line.slice(0, 3))).toEqual([
          '220',
          '250',
          '250',
          '250',
          '354',
        ]);
        await client.send(`${body}.\r\n`);
        expect((await client.reply()).code).toBe(250);
        const delivery = fixture.deliveries.at(-1);
        expect([bytesOf(delivery).toString(), delivery?.transport.peer]).toEqual([body, '203.0.113.7']);
      }),
      { numRuns: 25 },
    );
  });

  test('speaks TLS after it, and its failed logins lock its own address, not that of its neighbour', async () => {
    await using fixture = await openBehind({ tls: makeTlsPair() });
    const secret = { requireAuth: true, verifyPassword: (password: string) => password === 'sesam' };
    fixture.routes.set('locked@example.com', route('locked', secret));
    const login = async (source: string, password: string): Promise<number> => {
      await using client = await readyFrom(fixture, source);
      expect((await client.startTls()).code).toBe(220);
      await client.command('EHLO client.test');
      return (await client.command(`AUTH PLAIN ${base64(`\0locked@example.com\0${password}`)}`)).code;
    };
    const guesses: number[] = [];
    for (let i = 0; i < 5; i += 1) guesses.push(await login('203.0.113.7', 'wrong'));
    expect(guesses).toEqual([535, 535, 535, 535, 421]);
    expect(await login('203.0.113.7', 'sesam')).toBe(421);
    expect(await login('203.0.113.8', 'sesam')).toBe(235);
    expect(new Set(fixture.rejections.map(({ peer }) => peer))).toEqual(new Set(['203.0.113.7']));
  });

  test('is not on this machine because its balancer is', async () => {
    await using fixture = await openBehind();
    await using client = await readyFrom(fixture, '203.0.113.7');
    expect((await client.command(`AUTH PLAIN ${base64('\0a@b.c\0x')}`)).code).toBe(500);
    fixture.balancers.clear();
    await using direct = await SmtpClient.ready(fixture.port);
    expect((await direct.command(`AUTH PLAIN ${base64('\0a@b.c\0x')}`)).code).toBe(535);
  });

  test('has the seats of its own address', async () => {
    await using fixture = await openBehind();
    fixture.known = false;
    const clients: SmtpClient[] = [];
    for (let i = 0; i < 20; i += 1) clients.push(await readyFrom(fixture, '203.0.113.7'));
    await using refused = await told(fixture, lineHeader({ source: '203.0.113.7' }));
    expect((await refused.reply()).code).toBe(421);
    expect(fixture.rejections).toMatchObject([{ reason: 'too-many-connections', peer: '203.0.113.7' }]);
    await using other = await readyFrom(fixture, '203.0.113.8');
    for (const client of [...clients, other]) client.destroy();
    await eventually(() => fixture.sockets.open === 0);
  });
});

describe('a balancer that speaks for nobody', () => {
  test.each([
    ['LOCAL', local],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN 203.0.113.7 203.0.113.7 1 2\r\n')],
  ])('may look, and sends as itself (%s)', async (_word, header) => {
    await using fixture = await openBehind();
    fixture.routes.set('journal@example.com', route('one', { sourceAllowed: (peer) => peer !== us }));
    await using client = await told(fixture, header);
    expect((await client.reply()).code).toBe(220);
    expect((await client.command('EHLO check')).code).toBe(250);
    expect((await client.mail(to, 'x')).text).toMatch(/^4\.7\.1 /);
    expect(fixture.rejections).toMatchObject([{ reason: 'source', peer: us }]);
    fixture.routes.set('journal@example.com', route('one', { sourceAllowed: (peer) => peer === us }));
    await client.command('RSET');
    expect((await client.mail(to, 'x')).code).toBe(250);
  });

  test('is no news when it comes and goes, with a header or without one', async () => {
    await using fixture = await openBehind();
    for (const leave of ['end', 'reset'] as const) {
      for (const header of [Buffer.alloc(0), local, lineHeader({ source: us })]) {
        const client = await told(fixture, header);
        await eventually(() => fixture.sockets.open === 1);
        client[leave]();
        await eventually(() => fixture.sockets.open === 0);
      }
    }
    expect(fixture.rejections).toEqual([]);
    expect(fixture.logged.filter((line) => !line.startsWith('debug '))).toEqual([]);
  });
});

describe('a connection of a balancer without a header', () => {
  test.each([
    ['a command', 'EHLO client.test\r\nMAIL FROM:<>\r\n'],
    ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01, 0x02])],
    ['an address that is none', 'PROXY TCP4 client.test 127.0.0.1 1 2\r\n'],
    ['a line without an end', `PROXY TCP4 ${'1'.repeat(150)}`],
    ['a header of 64 KB', binaryHeader(Buffer.alloc(100), { length: 65_535 })],
  ])('is closed with 421 where it begins with %s', async (_what, bytes) => {
    await using fixture = await openBehind();
    await using client = await SmtpClient.connect(fixture.port);
    await client.send(bytes);
    expect(await client.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.5 /) });
    await client.closed;
    expect(fixture.rejections).toEqual([{ definitionId: null, reason: 'proxy-header', reply: '421 4.3.5', peer: us }]);
    await eventually(() => fixture.sockets.open === 0);
  });

  test('is told nothing for ten seconds, however it drips, and is then closed', async () => {
    await using fixture = await openBehind();
    await using other = await readyFrom(fixture, '203.0.113.8');
    await using client = await told(fixture, Buffer.from('PROXY TCP4 203.0'));
    for (const drop of '.113.7') {
      // What came before this command is read when it is answered.
      await other.command('NOOP');
      fixture.clock.advance(1500);
      await client.send(drop);
    }
    await other.command('NOOP');
    expect(fixture.rejections).toEqual([]);
    fixture.clock.advance(2500);
    expect((await client.reply()).text).toMatch(/^4\.3\.5 /);
    expect(fixture.rejections).toMatchObject([{ reason: 'proxy-header' }]);
    await client.closed;
  });

  test('is destroyed when its client does not go', async () => {
    await using fixture = await openBehind();
    const client = await SmtpClient.connect(fixture.port, { allowHalfOpen: true });
    await client.send('HELO\r\n');
    expect((await client.reply()).code).toBe(421);
    expect(fixture.sockets.open).toBe(1);
    fixture.clock.advance(4000);
    await eventually(() => fixture.sockets.open === 0);
    client.destroy();
  });

  test('broken off in its header is told of', async () => {
    await using fixture = await openBehind();
    const client = await told(fixture, Buffer.from('PROXY TCP4 203.0'));
    client.end();
    await client.closed;
    await eventually(() => fixture.sockets.open === 0);
    expect(fixture.rejections).toMatchObject([{ reason: 'proxy-header', peer: us }]);
  });

  test('is one of few, and none keeps the listener from closing', async () => {
    await using fixture = await openBehind({ limits: { introductions: 2 } });
    const waiting = [await SmtpClient.connect(fixture.port), await SmtpClient.connect(fixture.port)];
    await eventually(() => fixture.sockets.open === 2);
    await using third = await SmtpClient.connect(fixture.port);
    expect(await third.replyOrEnd()).toBeUndefined();
    expect(fixture.sockets.open).toBe(2);
    await fixture.listener.close();
    await Promise.all(waiting.map((client) => client.closed));
    expect([fixture.sockets.open, fixture.rejections]).toEqual([0, []]);
  });
});

describe('whoever is no balancer', () => {
  test.each([
    ['version 1', lineHeader({ source: '203.0.113.7' })],
    ['version 2', binaryHeader(addressBlock(Buffer.from([203, 0, 113, 7]), 1))],
  ])('is not believed: a header of %s is a bad command', async (_version, header) => {
    await using fixture = await openListener();
    fixture.balancers.add('192.0.2.1');
    fixture.routes.set('journal@example.com', route('one', { sourceAllowed: (peer) => peer === '203.0.113.7' }));
    await using client = await told(fixture, header);
    expect((await client.reply()).code).toBe(220);
    expect((await client.reply()).code).toBe(500);
    await using honest = await SmtpClient.ready(fixture.port);
    expect((await honest.command(lineHeader({ source: '203.0.113.7' }).toString().trim())).code).toBe(500);
    expect((await honest.mail(to, 'x')).text).toMatch(/^4\.7\.1 /);
    expect(fixture.rejections).toMatchObject([{ reason: 'source', peer: us }]);
  });
});

/** A real connection on loopback, both of its ends. */
async function connected(): Promise<{ sender: Socket; socket: Socket } & Disposable> {
  const server = createServer();
  server.listen(0, us);
  await once(server, 'listening');
  const sender = connect((server.address() as AddressInfo).port, us);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const dispose = (): void => {
    for (const each of [sender, socket]) each.destroy();
    server.close();
  };
  return { sender, socket, [Symbol.dispose]: dispose };
}
const unexpected = (): never => expect.unreachable();
const host = { limits: smtpLimits, stopping: false, now: () => 0, socketGone: unexpected, notIntroduced: unexpected };

/** Whom a connection is for that comes from `balancer`. */
async function metThrough(balancer: string, source: string): Promise<ProxyClient | null> {
  using ends = await connected();
  return await new Promise((resolve) => {
    new Introductions(host).wait(ends.socket, balancer, resolve);
    ends.sender.write(lineHeader({ source }));
  });
}

test('loopback of another machine is that machine, not this one', async () => {
  expect(await metThrough('192.0.2.1', '127.0.0.1')).toBeNull();
  expect(await metThrough('192.0.2.1', '::ffff:127.0.0.1')).toBeNull();
  expect(await metThrough('192.0.2.1', '::1')).toBeNull();
  expect(await metThrough('127.0.0.1', '127.0.0.1')).toMatchObject({ address: '127.0.0.1' });
  expect(await metThrough('192.0.2.1', '203.0.113.7')).toMatchObject({ address: '203.0.113.7' });
});

test('a socket that broke before anybody looked at it is gone at once', async () => {
  using ends = await connected();
  ends.socket.destroy();
  const gone: string[] = [];
  const counted = { ...host, socketGone: () => void gone.push('gone') };
  new Introductions(counted).wait(ends.socket, us, unexpected);
  expect(gone).toEqual(['gone']);
});
