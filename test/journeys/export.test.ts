import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { lockPlace } from '../../src/cli/export/place-lock.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf, sha256 } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
const tokens = `tokens: [{ name: olga, role: operator, token: operator-token-of-olga }, { name: ada, role: auditor, token: auditor-token-of-ada }, { name: root, role: admin, token: admin-token-of-root }]`;
const bodies: readonly string[] = [
  'text\r\n',
  '',
  'no end',
  'From the start\r\n\r\nFrom here\r\n>From there\r\n>>From far\r\n',
  'lines\nof\nanother\n\nFrom it\n\n\n',
  'bytes \0\xff\x80\r\n',
];

let daybook: Daybook;
let folder: string;
const sent = new Map<string, Buffer>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-export-'));
  daybook = await startDaybook({ config });
  for (const [at, body] of bodies.entries()) {
    const messageId = idOf(`m${at}`);
    const bytes = buildMessage({ messageId, date: dateOf(), body: Buffer.from(body, 'latin1') });
    sent.set(messageId, bytes);
    await writeFile(join(folder, `${at}.eml`), bytes);
  }
  await command(['import', folder, '--definition', 'exchange', '--config', daybook.configFile]);
  const bcc = buildMessage({ messageId: idOf('bcc'), date: dateOf() });
  sent.set(idOf('bcc'), bcc);
  const recipients = [{ address: 'bo@north.example' }, { address: 'eve@north.example', type: 'bcc' as const }];
  const report = buildReport({ messageId: idOf('bcc'), sender: 'ada@north.example', recipients, originals: [bcc] });
  await deliver(daybook.smtpPort, ['journal@journal.north.example'], report);
  await eventually(async () => (await entriesOf(daybook)).size === sent.size, { what: 'the archive' });
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const exporting = (to: string, format: string, ...args: readonly string[]) =>
  command(['export', '--to', to, '--format', format, '--config', daybook.configFile, ...args]);
/** What an export has to bring back: bytes and people, by Message-ID. */
const entriesOf = async (engine: Daybook) =>
  new Map(
    (await all<Entry>(engine, '/v1/messages')).map(({ messageId, sha256: hash, sender, recipients }) => [
      messageId,
      { hash, sender, recipients: recipients.map(({ address }) => address).toSorted() },
    ]),
  );

test.each([
  ['eml', 'eml', 'manifest.'],
  ['mbox', 'mail.mbox', 'mail.mbox.manifest.'],
  ['zip', 'mail.zip', 'out/manifest.'],
])(
  'what is exported as %s and imported elsewhere is the same, byte for byte, Bcc too, and openssl says who signed it',
  async (format, name, manifest) => {
    const home = join(folder, `round-${format}`);
    await mkdir(home);
    const to = join(home, name);
    const ended = await exporting(to, format);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    if (format === 'zip') execFileSync('python3', ['-m', 'zipfile', '-e', to, join(home, 'out')]);
    const base = format === 'eml' ? join(to, manifest) : join(home, manifest);
    const lines = (await readFile(`${base}jsonl`, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(new Map(lines.map(({ messageId, sha256: hash }) => [messageId, hash]))).toEqual(
      new Map([...sent].map(([messageId, bytes]) => [messageId, sha256(bytes)])),
    );
    const statement = await readFile(`${base}txt`, 'utf8');
    expect(statement).toContain(`manifest ${sha256(await readFile(`${base}jsonl`))}\nmessages ${sent.size}\n`);
    const pub = join(daybook.directory, 'data/evidence.pub');
    expect(await readFile(pub, 'utf8')).toBe(await readFile(`${base}pem`, 'utf8'));
    const checking = [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      pub,
      '-rawin',
      '-in',
      `${base}txt`,
      '-sigfile',
      `${base}sig`,
    ];
    expect(execFileSync('openssl', checking, { encoding: 'utf8' })).toContain('Verified Successfully');

    await using other = await startDaybook({ config });
    const again = ['import', to, '--definition', 'exchange', '--as', 'gateway', '--config', other.configFile, '--json'];
    const imported = await command(again);
    expect([imported.stderr, JSON.parse(imported.stdout)]).toMatchObject([
      '',
      { imported: sent.size, skipped: 0, refused: 0 },
    ]);
    expect(JSON.parse((await command(again)).stdout)).toMatchObject({ imported: 0, known: sent.size });
    await eventually(async () => (await entriesOf(other)).size === sent.size, { what: 'the other archive' });
    expect(await entriesOf(other)).toEqual(await entriesOf(daybook));
    expect((await entriesOf(other)).get(idOf('bcc'))?.recipients).toContain('eve@north.example');
    for (const { id, messageId } of await all<Entry>(other, '/v1/messages')) {
      const raw = Buffer.from(await (await other.fetch(`/v1/messages/${id}/raw`)).arrayBuffer());
      expect(raw.equals(sent.get(messageId ?? '') ?? Buffer.alloc(0)), messageId ?? '').toBe(true);
    }
  },
);

test.each(['mbox', 'zip', 'eml'])('into a folder that is not there, %s says so in one line', async (format) => {
  const to = join(folder, 'missing', 'deep', 'x');
  const { code, stderr } = await command(['export', '--config', daybook.configFile, '--to', to, '--format', format]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^daybook: .*missing.*\n$/)]);
});

test('an export is for itself: no file of others is touched, none that is finished, none of another search', async () => {
  const foreign = join(folder, 'foreign');
  await mkdir(foreign);
  await writeFile(join(foreign, 'mine.txt'), 'mine');
  for (const format of ['eml', 'mbox', 'zip']) {
    const to = format === 'eml' ? foreign : join(foreign, 'mine.txt');
    const { code, stderr } = await exporting(to, format);
    expect([format, code]).toEqual([format, 1]);
    expect(stderr).toContain('is there already');
  }
  expect(await readdir(foreign)).toEqual(['mine.txt']);
  expect(await readFile(join(foreign, 'mine.txt'), 'utf8')).toBe('mine');
  const to = join(foreign, 'new.mbox');
  expect((await exporting(to, 'mbox', '--since', 'yesterday')).code).toBe(2);
  expect(await readdir(foreign)).toEqual(['mine.txt']);
  expect((await exporting(to, 'mbox', '--subject', 'lunch')).code).toBe(0);
  expect((await exporting(to, 'mbox', '--subject', 'lunch')).code).toBe(1);
  expect(((await stat(to)).mode & 0o777).toString(8)).toBe('600');
});

test.skipIf(process.platform !== 'linux')(
  'a second export into a place where one is under way is refused',
  async () => {
    const to = join(folder, 'taken');
    {
      await using _first = await lockPlace(to);
      const { code, stderr } = await exporting(to, 'eml');
      expect([code, stderr]).toEqual([75, expect.stringContaining(`${to}: another process exports into it now`)]);
    }
    expect((await exporting(to, 'eml')).code).toBe(0);
  },
);

test('each export is one event with its search and number, the search hidden from operators, and no event for each message', async () => {
  await using guarded = await daybook
    .end('SIGTERM')
    .then(() =>
      startDaybook({ config, directory: daybook.directory, ports: [daybook.smtpPort, daybook.httpPort], http: tokens }),
    );
  const url = `http://127.0.0.1:${guarded.httpPort}`;
  const run = (token: string, to: string) =>
    command([
      'export',
      '--mailbox',
      'eve@north.example',
      '--to',
      to,
      '--format',
      'eml',
      '--url',
      url,
      '--token',
      token,
    ]);
  expect((await run('operator-token-of-olga', join(folder, 'olga'))).code).toBe(1);
  expect((await readdir(folder)).includes('olga')).toBe(false);
  expect((await run('auditor-token-of-ada', join(folder, 'ada'))).code).toBe(0);
  const events = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await guarded.fetch('/v1/events?since=2020-01-01&limit=500', { headers });
    const { items } = (await answer.json()) as { items: { type: string; actor: string; data: object }[] };
    return items.filter(({ actor, type }) => actor === 'ada' && type.startsWith('message'));
  };
  const query = { mailbox: 'eve@north.example' };
  await eventually(async () => (await events('admin-token-of-root')).length > 0, { what: 'the event' });
  expect(await events('admin-token-of-root')).toMatchObject([
    { type: 'messages.exported', data: { query, count: 1, complete: true, damaged: 0 } },
  ]);
  expect(await events('operator-token-of-olga')).toMatchObject([
    { type: 'messages.exported', data: { query: null, count: 1 } },
  ]);
  await guarded.end('SIGTERM');
  daybook = await daybook.restart();
});

test.each(['eml', 'mbox'])(
  'an export as %s that was cut goes on behind its last whole line, without what was archived meanwhile',
  async (format) => {
    const to = join(folder, `cut.${format}`);
    expect((await exporting(to, format)).code).toBe(0);
    const manifest = format === 'eml' ? join(to, 'manifest.jsonl') : `${to}.manifest.jsonl`;
    const state = format === 'eml' ? join(to, '.daybook-export.json') : `${to}.export.json`;
    const whole = await readFile(manifest, 'utf8');
    const { engine } = await daybook.get<{ engine: { now: string } }>('/v1/status');
    // As a kill leaves it: a line cut, and bytes that no line tells of.
    const lines = whole.trimEnd().split('\n');
    await writeFile(manifest, `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 40)}`);
    await writeFile(state, `${JSON.stringify({ format, query: {}, asOf: engine.now })}\n`);
    const late = buildMessage({ messageId: idOf(`late.${format}`), date: 'Mon, 02 Mar 2020 09:00:00 +0000' });
    const later = buildMessage({ messageId: idOf(`later.${format}`), date: dateOf(Date.now() + 3_600_000) });
    for (const [name, bytes] of Object.entries({ late, later })) await writeFile(join(folder, `${name}.eml`), bytes);
    const args = [
      'import',
      ...['late', 'later'].map((name) => join(folder, `${name}.eml`)),
      '--definition',
      'exchange',
    ];
    expect((await command([...args, '--config', daybook.configFile])).code).toBe(0);
    await eventually(async () => (await entriesOf(daybook)).has(idOf(`later.${format}`)), { what: 'the late mail' });
    const again = await exporting(to, format);
    expect([again.code, again.stderr]).toEqual([0, 'going on behind 3 messages of an earlier run\n']);
    expect(await readFile(manifest, 'utf8')).toBe(whole);
    const other = await exporting(join(folder, `other.${format}`), format, '--subject', 'Lunch');
    expect(other.code).toBe(0);
    for (const name of [`late.${format}`, `later.${format}`]) {
      const [entry] = await all<Entry>(daybook, `/v1/messages?messageId=${encodeURIComponent(idOf(name))}`);
      await daybook.fetch(`/v1/messages/${entry?.id}?reason=asked`, { method: 'DELETE' });
    }
  },
);

test('what was erased does not come back by an export, and a manifest of it is still signed', async () => {
  const to = join(folder, 'before');
  expect((await exporting(to, 'eml')).code).toBe(0);
  const [first] = await all<Entry>(daybook, `/v1/messages?messageId=${encodeURIComponent(idOf('m0'))}`);
  await daybook.fetch(`/v1/messages/${first?.id}?reason=asked`, { method: 'DELETE' });
  const after = join(folder, 'after');
  expect((await exporting(after, 'eml')).code).toBe(0);
  expect(await readFile(join(after, 'manifest.jsonl'), 'utf8')).not.toContain(first?.id);
  const sign = async (manifest: string) =>
    daybook.fetch('/v1/export/manifest', {
      method: 'POST',
      body: manifest,
      headers: { 'content-type': 'application/x-ndjson' },
    });
  const manifest = await readFile(join(to, 'manifest.jsonl'), 'utf8');
  expect(((await (await sign(manifest)).json()) as { statement: string }).statement).toContain('\ndeleted 1\n');
  const [, line = '', other = ''] = manifest.split('\n');
  const { sha256: hash } = JSON.parse(other);
  for (const forged of [
    line.replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${hash}"`),
    line.replace(/"size":\d+/, '"size":1'),
    '{}',
    'x',
    line,
  ]) {
    expect([forged.slice(0, 9), (await sign(forged === line ? line : `${forged}\n`)).status]).toEqual([
      forged.slice(0, 9),
      409,
    ]);
  }
});
