import { asyncScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { openSession } from '../../src/pop3/session.ts';
import { eventually } from '../support/eventually.ts';
import { openPop3Server, type Pop3Connection, type Pop3Script } from '../support/pop3-server.ts';
import { StillClock } from '../support/smtp-listener.ts';
import { extractOnce, MailboxFixture, mail, mailboxOptions, sha256 } from './mailbox-fixture.ts';

/** Answers `command` by `answer` alone; everything else honestly. */
const at =
  (command: string, answer: (connection: Pop3Connection) => void): Pop3Script =>
  (line, connection) => {
    if (line !== command) return false;
    answer(connection);
    return true;
  };
const says = (command: string, text: string): Pop3Script => at(command, ({ write }) => write(text));

describe('a hostile or unlucky server', () => {
  const one = mail('one');
  const wire = `+OK\r\n${one.bytes.toString('latin1').replace(/(^|\r\n)\./g, '$1..')}.\r\n`;

  const splits: readonly (readonly [string, readonly string[]])[] = [
    ['byte by byte', [...wire]],
    ['before the terminator', [wire.slice(0, -5), wire.slice(-5)]],
    ['inside the terminator', [wire.slice(0, -3), wire.slice(-3)]],
    ['before the last LF', [wire.slice(0, -1), wire.slice(-1)]],
    ['inside the status line', [wire.slice(0, 2), wire.slice(2)]],
    ['at a dot of its own', wire.split(/(?=\.)|(?<=\.)/)],
  ];
  test.each(splits)('splits a message %s, and it comes whole', async (_, pieces) => {
    await using server = await openPop3Server({ items: [one] });
    server.script = at('RETR 1', async (connection) => {
      for (const piece of pieces) {
        connection.write(Buffer.from(piece, 'latin1'));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 1, more: false });
    expect(fixture.committed().map(sha256)).toEqual([sha256(one.bytes)]);
  });

  const ends: readonly (readonly [string, Pop3Script, object])[] = [
    [
      'greets with -ERR',
      says('', '-ERR too many connections\r\n'),
      { kind: 'protocol', detail: 'too many connections' },
    ],
    ['greets that the mailbox is in use', says('', '-ERR [IN-USE] wait\r\n'), { kind: 'mailbox-locked' }],
    [
      'greets in another language',
      says('', '220 smtp\r\n'),
      { kind: 'protocol', detail: 'unexpected reply: 220 smtp' },
    ],
    ['says more than its greeting', says('', '+OK\r\n+OK\r\n'), { kind: 'protocol' }],
    ['never ends its greeting', says('', 'x'.repeat(5000)), { kind: 'protocol', detail: 'status line too long' }],
    ['refuses the name', says('USER box', '-ERR never heard\r\n'), { kind: 'auth', detail: 'never heard' }],
    ['refuses the password', says('PASS secret', '-ERR [AUTH] no\r\n'), { kind: 'auth' }],
    ['has the mailbox locked', says('PASS secret', '-ERR [IN-USE] locked\r\n'), { kind: 'mailbox-locked' }],
    [
      'has the maildrop locked, in words',
      says('PASS secret', '-ERR maildrop already locked\r\n'),
      { kind: 'mailbox-locked' },
    ],
    ['has the account locked', says('PASS secret', '-ERR account locked\r\n'), { kind: 'auth' }],
    ['has troubles of its own at the login', says('PASS secret', '-ERR [SYS/TEMP] disk\r\n'), { kind: 'protocol' }],
    ['refuses STAT', says('STAT', '-ERR no\r\n'), { kind: 'protocol' }],
    ['counts in words', says('STAT', '+OK many\r\n'), { kind: 'protocol' }],
    [
      'numbers an item -1',
      says('UIDL', '+OK\r\n-1 x\r\n.\r\n'),
      { kind: 'protocol', detail: 'unusable listing: -1 x' },
    ],
    ['numbers an item 1e99', says('UIDL', '+OK\r\n1e99 x\r\n.\r\n'), { kind: 'protocol' }],
    ['numbers two items alike', says('LIST', '+OK\r\n1 10\r\n1 10\r\n.\r\n'), { kind: 'protocol' }],
    ['answers RETR in another language', says('RETR 1', 'HTTP/1.1 200 OK\r\n'), { kind: 'protocol' }],
    [
      'says something unasked',
      says('UIDL', '+OK\r\n1 a\r\n.\r\n-ERR bye\r\n'),
      { kind: 'protocol', detail: 'unasked: -ERR bye' },
    ],
    ['hangs up in place of an answer', at('LIST', ({ socket }) => socket.end()), { kind: 'protocol' }],
    [
      'resets in the middle of a message',
      at('RETR 1', ({ socket }) => socket.write('+OK\r\nSubject: o', () => socket.resetAndDestroy())),
      { kind: 'protocol' },
    ],
    [
      'hangs up in the middle of a message',
      at('RETR 1', ({ socket }) => socket.end('+OK\r\nSubject: o')),
      { kind: 'protocol' },
    ],
    [
      'writes control characters',
      says('STAT', '+OK \x1b[2J\u2028\x07many\r\n'),
      { detail: expect.not.stringMatching(/\p{Cc}/u) },
    ],
  ];
  test.each(ends)('%s: the session fails with the kind for it, and nothing is taken', async (_, script, expected) => {
    await using server = await openPop3Server({ items: [one], script });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', ...expected });
    expect(fixture.committed()).toEqual([]);
    expect(fixture.custody.receipts.every(({ aborted }) => aborted)).toBe(true);
    expect(server.items).toHaveLength(1);
  });

  const stalls: readonly (readonly [string, Pop3Script, string | undefined, number])[] = [
    ['never greets', at('', () => undefined), undefined, 30_000],
    ['never answers the password', at('PASS secret', () => undefined), '> PASS ***', 60_000],
    ['stalls in the listing', says('UIDL', '+OK listing\r\n1 a\r\n'), '< +OK listing', 60_000],
    ['stalls in the middle of a message', says('RETR 1', '+OK message\r\nSubject: '), '< +OK message', 60_000],
    ['never answers QUIT', at('QUIT', () => undefined), '> QUIT', 60_000],
  ];
  test.each(stalls)('%s: given up in time, not before', async (_, script, lastTrace, withinMs) => {
    await using server = await openPop3Server({ items: [one], script });
    const fixture = new MailboxFixture();
    const clock = new StillClock();
    fixture.clock = clock;
    await using mailbox = fixture.open(server);
    let ended: unknown;
    const run = extractOnce(mailbox).then(({ end }) => {
      ended = end;
    });
    await eventually(async () => server.connections() === 1 && fixture.trace.at(-1) === lastTrace);
    clock.advance(withinMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBeUndefined();
    clock.advance(1);
    await run;
    expect(ended).toMatchObject({ type: 'failed', kind: 'timeout' });
  });

  test('trickles a message for longer than a quarter of an hour: given up', async () => {
    let connection: Pop3Connection | undefined;
    const script = at('RETR 1', (asked) => {
      connection = asked;
      asked.write('+OK\r\n');
    });
    await using server = await openPop3Server({ items: [one], script });
    const fixture = new MailboxFixture();
    const clock = new StillClock();
    fixture.clock = clock;
    await using mailbox = fixture.open(server);
    const run = extractOnce(mailbox);
    await eventually(async () => connection !== undefined);
    for (let written = 1; written <= 16; written++) {
      connection?.write('x');
      await eventually(async () => fixture.custody.receipts[0]?.size === written);
      clock.advance(59_000);
    }
    const detail = 'a message took longer than 900000 ms';
    expect((await run).end).toEqual({ type: 'failed', kind: 'timeout', detail, inMessage: 'retrieval' });
  });

  test('says nothing that ends the process when it fails while nobody asks', async () => {
    await using server = await openPop3Server({ items: [one] });
    const fixture = new MailboxFixture();
    server.script = at('DELE 1', ({ write }) => write('+OK\r\n-ERR shutting down\r\n'));
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'protocol' });
  });

  test('is never told more than one line, whatever the name and password are', async () => {
    await using server = await openPop3Server();
    const { end } = await new MailboxFixture().run(server, { password: 'secret\r\nDELE 1' });
    expect(end).toMatchObject({ type: 'failed', kind: 'auth' });
    expect(server.connections()).toBe(0);
  });

  test('that takes no UTF-8 is not told a name beyond ASCII', async () => {
    await using server = await openPop3Server({ user: 'böx' });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server, { mailboxName: 'böx' })).end).toMatchObject({ type: 'failed', kind: 'auth' });
    expect(server.commands).toEqual(['CAPA']);
    await using knowing = await openPop3Server({ user: 'böx', capabilities: ['UTF8 USER', 'UIDL'] });
    expect((await fixture.run(knowing, { mailboxName: 'böx' })).end).toMatchObject({ type: 'extracted' });
  });
});

test.each([
  ['those behind the login', ['TOP'], ['TOP', 'PIPELINING'], true],
  ['those behind the login, where it tells less', ['TOP', 'PIPELINING'], ['TOP'], false],
  ['those before it, where it tells none behind it', ['TOP', 'PIPELINING'], null, true],
  ['those behind it, where it tells none before', null, ['TOP', 'PIPELINING'], true],
])('of the capabilities that a server tells, %s count', async (_, before, behind, pipelined) => {
  await using server = await openPop3Server();
  const told = [before, behind];
  server.script = (command, { write }) => {
    if (command !== 'CAPA') return false;
    const lines = told.shift() ?? null;
    write(lines === null ? '-ERR unknown command\r\n' : ['+OK', ...lines, '.', ''].join('\r\n'));
    return true;
  };
  const options = { ...mailboxOptions, port: server.port };
  const session = await openSession(options, { clock: asyncScheduler }, new AbortController().signal);
  expect(session.pipelined).toBe(pipelined);
  expect(server.commands).toEqual(['CAPA', 'USER box', 'PASS', 'CAPA']);
  session.close();
});
