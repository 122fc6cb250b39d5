import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { MailboxOptions } from '../../src/pop3/types.ts';
import { openPop3Server, type Pop3Connection, type Pop3Script } from '../support/pop3-server.ts';
import { MailboxFixture, mail } from './mailbox-fixture.ts';

/** Answers `command` by `answer` alone; everything else honestly. */
const at =
  (command: string, answer: (connection: Pop3Connection) => void): Pop3Script =>
  (line, connection) => {
    if (line !== command) return false;
    answer(connection);
    return true;
  };

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

describe('S5: encryption', () => {
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
      'the pinned one, by address',
      selfSigned,
      { certificatePin: pinOf(selfSigned.cert), host: '127.0.0.1' },
      { type: 'extracted' },
    ],
    [
      'the pinned one, for another name',
      selfSigned,
      { certificatePin: pinOf(selfSigned.cert), host: 'other.example' },
      { kind: 'tls-name' },
    ],
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
