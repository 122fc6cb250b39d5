import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { idOf, sha256 } from '../support/journey-mail.ts';
import { buildReport } from '../support/mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
smtp: { maxMessageSize: 64KB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
type Shown = Entry & { readonly origin: string };

let daybook: Daybook;
let folder: string;
beforeAll(async () => {
  daybook = await startDaybook({
    config: config.replace('smtp: { maxMessageSize: 64KB }\n', ''),
    smtp: 'maxMessageSize: 64KB',
  });
});
afterAll(() => daybook[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-import-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A mail of ten years ago: no import is too old. */
const mail = (name: string, body = 'text\r\n', end = '\r\n'): Buffer =>
  Buffer.from(
    `From: ada@north.example\r\nTo: bo@north.example\r\nMessage-ID: ${idOf(name)}\r\nDate: Fri, 1 Jan 2016 08:00:00 +0000\r\nSubject: ${name}\r\n\r\n${body}`.replaceAll(
      '\r\n',
      end,
    ),
    'latin1',
  );
const importing = (...args: readonly string[]) =>
  command(['import', ...args, '--definition', 'exchange', '--config', daybook.configFile, '--json']);
const settled = () =>
  eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0, { what: 'the line' });
const entryOf = async (name: string): Promise<Shown | undefined> => {
  await settled();
  return (await all<Shown>(daybook, `/v1/messages?messageId=${encodeURIComponent(idOf(name))}`))[0];
};
const rawOf = async ({ id }: Entry): Promise<Buffer> =>
  Buffer.from(await (await daybook.fetch(`/v1/messages/${id}/raw`)).arrayBuffer());

test('files, folders of them, Maildirs and mboxes are archived as they stand, whatever their age, and others are named', async () => {
  const mails = new Map<string, Buffer>();
  const put = async (path: string, name: string, bytes = mail(name)): Promise<void> => {
    mails.set(name, bytes);
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), bytes);
  };
  await put('a/one.eml', 'one');
  await put('a/deep/TWO.EML', 'two', mail('two', 'lines of another system\n\nFrom here\n', '\n'));
  await put('a/deep/bytes.eml', 'bytes', mail('bytes', 'a\0b\xff\xfe no end'));
  await put('a/Maildir/cur/1.M1P1.host:2,S', 'read');
  await put('a/Maildir/new/2.M1P1.host', 'unread');
  await put('a/Maildir/.Sent/cur/3.M1P1.host:2,S', 'sent');
  await mkdir(join(folder, 'a/Maildir/.Sent/new'));
  await writeFile(join(folder, 'a/notes.txt'), 'From me: no mail\n');
  await writeFile(join(folder, 'a/Maildir/dovecot-uidlist'), '3 V1\n');
  await writeFile(join(folder, 'a/empty.eml'), '');
  const boxed = ['first', 'second'].map((name) => mail(name, `${name}\n\nFrom here\n>From there\n`, '\n'));
  const box = boxed.map(
    (bytes) =>
      `From a@b Thu Jan  1 00:00:00 1970\n${bytes
        .toString('latin1')
        .replace(/^(>*From )/gm, '>$1')
        .replace('>From:', 'From:')}\n`,
  );
  await writeFile(join(folder, 'a/old.mbox'), box.join(''), 'latin1');
  for (const [at, name] of ['first', 'second'].entries()) mails.set(name, boxed[at] ?? Buffer.alloc(0));

  const { code, stdout, stderr } = await importing(join(folder, 'a'));
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { imported: mails.size, known: 0, skipped: 3, refused: 0 }]);
  for (const name of ['notes.txt', 'dovecot-uidlist', 'empty.eml']) expect(stderr).toContain(name);
  for (const [name, bytes] of mails) {
    const entry = await entryOf(name);
    expect([name, entry?.origin, entry?.sha256]).toEqual([name, 'import', sha256(bytes)]);
    expect((await rawOf(entry!)).equals(bytes), name).toBe(true);
  }
  expect(await statusOf(daybook, 'exchange')).toMatchObject({ counts: { held: 0, quarantined: 0, skipped: 0 } });
  expect((await statusOf(daybook, 'exchange')).lastSuccessfulExtract).toBeNull();
});

test('the same file twice adds nothing, under another name, over a restart and beside itself', async () => {
  await writeFile(join(folder, 'a.eml'), mail('again'));
  await cp(join(folder, 'a.eml'), join(folder, 'b.eml'));
  expect(JSON.parse((await importing(folder)).stdout)).toMatchObject({ imported: 1, known: 1 });
  const before = (await all<IntakeItem>(daybook, '/v1/intake')).length;
  expect(JSON.parse((await importing(folder)).stdout)).toMatchObject({ imported: 0, known: 2 });
  await settled();
  await daybook.end('SIGKILL');
  daybook = await daybook.restart();
  expect(JSON.parse((await importing(folder)).stdout)).toMatchObject({ imported: 0, known: 2 });
  await daybook.end('SIGTERM');
  expect((await command(['rebuild-index', '--config', daybook.configFile])).code).toBe(0);
  daybook = await daybook.restart();
  const together = await Promise.all([importing(folder), importing(folder)]);
  expect(together.map(({ stdout }) => JSON.parse(stdout).imported)).toEqual([0, 0]);
  expect((await all<IntakeItem>(daybook, '/v1/intake')).length).toBe(before);
});

test('what was erased is taken back when it is imported again', async () => {
  await writeFile(join(folder, 'a.eml'), mail('erased'));
  await importing(folder);
  const { id } = (await entryOf('erased'))!;
  expect((await daybook.fetch(`/v1/messages/${id}?reason=asked`, { method: 'DELETE' })).status).toBe(204);
  expect(JSON.parse((await importing(folder)).stdout)).toMatchObject({ imported: 1, known: 0 });
  expect((await entryOf('erased'))?.id).not.toBe(id);
  expect(JSON.parse((await importing(folder)).stdout)).toMatchObject({ imported: 0, known: 1 });
});

test('journal items are unwrapped, and as gateway copies they stay whole', async () => {
  const report = buildReport({
    messageId: idOf('inner'),
    headers: [`Message-ID: ${idOf('outer')}`],
    sender: 'ada@north.example',
    recipients: [{ address: 'bo@north.example' }],
    originals: [mail('inner')],
  });
  await writeFile(join(folder, 'report.eml'), report);
  await importing(folder);
  expect(await entryOf('inner')).toMatchObject({ sha256: sha256(mail('inner')), origin: 'import' });
  expect(JSON.parse((await importing(folder, '--as', 'gateway')).stdout)).toMatchObject({ imported: 1 });
  expect(await entryOf('outer')).toMatchObject({ sha256: sha256(report), origin: 'import' });
});

test('a message above smtp.maxMessageSize is named, and stops no other', async () => {
  await writeFile(join(folder, 'large.eml'), mail('large', 'x'.repeat(70_000)));
  await writeFile(
    join(folder, 'old.mbox'),
    `From a\n${mail('boxed', 'x'.repeat(70_000), '\n')}\n\nFrom b\n${mail('small')}\n`,
  );
  const { code, stdout, stderr } = await importing(folder);
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { imported: 1, refused: 2 }]);
  expect(stderr).toContain('large.eml');
  expect(stderr).toContain('old.mbox (message 1, at 0)');
  expect(await entryOf('small')).toBeDefined();
});

test('mail comes in while the definition is suspended, and no unknown definition, path or option passes', async () => {
  await daybook.fetch('/v1/definitions/exchange/suspend', { method: 'POST' });
  await writeFile(join(folder, 'a.eml'), mail('suspended'));
  expect((await importing(join(folder, 'a.eml'))).code).toBe(0);
  expect(await entryOf('suspended')).toMatchObject({ origin: 'import' });
  await daybook.fetch('/v1/definitions/exchange/activate', { method: 'POST' });
  const ended = async (...args: readonly string[]) =>
    (await command(['import', ...args, '--config', daybook.configFile])).code;
  expect(await ended(folder, '--definition', 'nobody')).toBe(1);
  expect(await ended(join(folder, 'none.eml'), '--definition', 'exchange')).toBe(2);
  expect(await ended(folder, '--definition', 'exchange', '--as', 'mail')).toBe(2);
  expect(await ended(folder)).toBe(2);
});
