import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { MailboxOptions } from '../../src/pop3/types.ts';
import { eventually } from '../support/eventually.ts';
import { openPop3Server, type Pop3Connection, type Pop3Script } from '../support/pop3-server.ts';
import { StillClock } from '../support/smtp-listener.ts';
import { extractOnce, MailboxFixture, mail, sha256 } from './mailbox-fixture.ts';

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

  const stalls: readonly (readonly [string, Pop3Script, number])[] = [
    ['never greets', at('', () => undefined), 30_000],
    ['never answers the password', at('PASS secret', () => undefined), 60_000],
    ['stalls in the listing', says('UIDL', '+OK\r\n1 a\r\n'), 60_000],
    ['stalls in the middle of a message', says('RETR 1', '+OK\r\nSubject: '), 60_000],
    ['never answers QUIT', at('QUIT', () => undefined), 60_000],
  ];
  test.each(stalls)('%s: given up in time, not before', async (_, script, withinMs) => {
    const stalled = { by: undefined as Pop3Connection | undefined };
    await using server = await openPop3Server({ items: [one] });
    server.script = (command, connection) => {
      const handled = script(command, connection);
      if (handled) stalled.by = connection;
      return handled;
    };
    const fixture = new MailboxFixture();
    const clock = new StillClock();
    fixture.clock = clock;
    await using mailbox = fixture.open(server);
    let ended: unknown;
    const run = extractOnce(mailbox).then(({ end }) => {
      ended = end;
    });
    await eventually(async () => stalled.by !== undefined && clock.actions.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(withinMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBeUndefined();
    clock.advance(1);
    await run;
    expect(ended).toMatchObject({ type: 'failed', kind: 'timeout' });
  });

  test('trickles a message for longer than a quarter of an hour: given up', async () => {
    await using server = await openPop3Server({ items: [one] });
    let connection: Pop3Connection | undefined;
    server.script = at('RETR 1', (asked) => {
      connection = asked;
      asked.write('+OK\r\n');
    });
    const fixture = new MailboxFixture();
    const clock = new StillClock();
    fixture.clock = clock;
    await using mailbox = fixture.open(server);
    const run = extractOnce(mailbox);
    await eventually(async () => connection !== undefined);
    for (let minute = 0; minute < 17; minute++) {
      const written = () => fixture.custody.receipts[0]?.size ?? 0;
      const before = written();
      connection?.write('x');
      if (minute < 15) await eventually(async () => written() > before);
      clock.advance(50_000);
      if (minute < 16) clock.advance(9_000);
    }
    expect((await run).end).toMatchObject({ type: 'failed', kind: 'timeout' });
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

describe('connecting', () => {
  test('to a port where nobody listens is refused', async () => {
    const server = await openPop3Server();
    await server[Symbol.asyncDispose]();
    expect((await new MailboxFixture().run(server)).end).toMatchObject({ type: 'failed', kind: 'refused' });
  });

  test('to a name without address fails as dns', async () => {
    const fixture = new MailboxFixture();
    fixture.lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    const { end } = await fixture.run({ port: 1 }, { host: 'nowhere.example' });
    expect(end).toMatchObject({ type: 'failed', kind: 'dns', detail: 'nowhere.example: ENOTFOUND' });
    fixture.lookup = () => Promise.resolve([]);
    expect((await fixture.run({ port: 1 }, { host: 'nowhere.example' })).end).toMatchObject({ kind: 'dns' });
  });

  test('tries every address of the name in order', async () => {
    await using server = await openPop3Server({ items: [mail('one')] });
    const fixture = new MailboxFixture();
    fixture.lookup = () => Promise.resolve(['127.0.0.2', '127.0.0.1']);
    const { end } = await fixture.run(server, { host: 'pop.example' });
    expect(end).toMatchObject({ type: 'extracted', count: 1 });
  });
});

describe('encryption', () => {
  const certificates = makeCertificates();
  const encrypted: Partial<MailboxOptions> = { encrypted: true, host: 'pop.example' };
  const { authority, good, expired, selfSigned } = certificates;

  const cases: readonly (readonly [string, { cert: string; key: string }, Partial<MailboxOptions>, object])[] = [
    ['a trusted certificate', good, { trusted: authority.cert }, { type: 'extracted' }],
    ['nobody we know behind it', good, {}, { kind: 'tls-untrusted' }],
    ['a self-signed one', selfSigned, {}, { kind: 'tls-untrusted' }],
    ['a self-signed one, relaxed', selfSigned, { encryptionMode: 'relaxed' }, { type: 'extracted' }],
    ['an incomplete chain, relaxed', good, { encryptionMode: 'relaxed' }, { type: 'extracted' }],
    ['an expired one', expired, { trusted: authority.cert }, { kind: 'tls-expired' }],
    ['an expired one, relaxed', expired, { encryptionMode: 'relaxed' }, { kind: 'tls-expired' }],
    ['another name', good, { trusted: authority.cert, host: 'other.example' }, { kind: 'tls-name' }],
    ['another name, relaxed', selfSigned, { encryptionMode: 'relaxed', host: 'other.example' }, { kind: 'tls-name' }],
    [
      'no name, relaxed, by address',
      selfSigned,
      { encryptionMode: 'relaxed', host: '127.0.0.1' },
      { type: 'extracted' },
    ],
    ['no name, by address', good, { trusted: authority.cert, host: '127.0.0.1' }, { kind: 'tls-name' }],
    ['the pinned one', selfSigned, { certificatePin: pinOf(selfSigned.cert) }, { type: 'extracted' }],
    [
      'another than the pinned one',
      selfSigned,
      { certificatePin: pinOf(good.cert), encryptionMode: 'relaxed' },
      { kind: 'tls-untrusted' },
    ],
    ['the pinned one, expired', expired, { certificatePin: pinOf(expired.cert) }, { kind: 'tls-expired' }],
  ];
  const implicitAndStls = cases.flatMap(([name, ...rest]) => [
    [`${name}, TLS from the first byte`, false, ...rest] as const,
    [`${name}, by STLS`, true, ...rest] as const,
  ]);
  test.each(implicitAndStls)('with %s', async (_, stls, pair, options, expected) => {
    await using server = await openPop3Server({ items: [mail('one')], ...(stls ? { stls: pair } : { tls: pair }) });
    const fixture = new MailboxFixture();
    fixture.lookup = () => Promise.resolve(['127.0.0.1']);
    const { end } = await fixture.run(server, { ...encrypted, stls, ...options });
    expect(end).toMatchObject(expected);
    if (end.type === 'failed') expect(server.commands).not.toContain('USER box');
    else expect(fixture.custody.receipts[0]?.received?.transport.tls).toBe('TLSv1.3');
  });

  test('is never given up for clear text', async () => {
    await using server = await openPop3Server({ items: [mail('one')] });
    const fixture = new MailboxFixture();
    const direct = await fixture.run(server, { encrypted: true });
    expect(direct.end).toMatchObject({ type: 'failed', kind: 'tls-protocol' });
    const byStls = await fixture.run(server, { encrypted: true, stls: true });
    expect(byStls.end).toMatchObject({ type: 'failed', kind: 'stls-missing' });
    expect(server.commands.filter((command) => /^(?:USER|PASS)/.test(command))).toEqual([]);
  });

  test('refuses bytes that someone slipped in behind the answer to STLS', async () => {
    await using server = await openPop3Server({ stls: selfSigned });
    server.script = at('STLS', (connection) => {
      connection.write('+OK\r\n+OK injected\r\n');
      connection.upgrade(selfSigned);
    });
    const { end } = await new MailboxFixture().run(server, { encrypted: true, stls: true, encryptionMode: 'relaxed' });
    expect(end).toMatchObject({ type: 'failed', kind: 'protocol' });
  });

  test('waits for a certificate that is not valid yet', async () => {
    await using server = await openPop3Server({ tls: selfSigned });
    const fixture = new MailboxFixture();
    const dayMs = 86_400_000;
    fixture.clock = { now: () => Date.now() - dayMs, schedule: asyncScheduler.schedule.bind(asyncScheduler) };
    const { end } = await fixture.run(server, { encrypted: true, encryptionMode: 'relaxed' });
    expect(end).toMatchObject({ type: 'failed', kind: 'tls-expired' });
  });
});

/** An authority, a certificate of it for pop.example, one that ended as it began, and a self-signed one. */
function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-tls-'));
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-addext', 'subjectAltName=DNS:pop.example'];
  const selfSign = (name: string, more: readonly string[]) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      ...more,
    );
  selfSign('authority', []);
  selfSign('self', names);
  openssl('req', ...newKey, '-subj', '/CN=pop', '-keyout', 'good.key', '-out', 'good.csr', ...names);
  openssl(
    'x509',
    '-req',
    '-in',
    'good.csr',
    '-CA',
    'authority.pem',
    '-CAkey',
    'authority.key',
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
    '-days',
    '2',
    '-out',
    'good.pem',
  );
  openssl('req', ...newKey, '-subj', '/CN=pop', '-keyout', 'old.key', '-out', 'old.csr', ...names);
  openssl(
    'x509',
    '-req',
    '-in',
    'old.csr',
    '-CA',
    'authority.pem',
    '-CAkey',
    'authority.key',
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
    '-days',
    '0',
    '-out',
    'old.pem',
  );
  const read = (name: string) => ({
    cert: readFileSync(join(folder, `${name}.pem`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  });
  const all = { authority: read('authority'), good: read('good'), expired: read('old'), selfSigned: read('self') };
  rmSync(folder, { recursive: true });
  return all;
}

function pinOf(cert: string): string {
  return createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
}
