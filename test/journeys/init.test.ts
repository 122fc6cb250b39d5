import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { senders } from '../../src/config/first-config.ts';
import { command } from '../support/journey-cli.ts';
import { leftOut } from '../support/journey-partners.ts';
import { onTerminal } from '../support/pty.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-init-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const init = (...args: readonly string[]) => command(['init', ...args], { cwd: folder });
const check = () => command(['check'], { cwd: folder });
const written = async (): Promise<string> => readFile(join(folder, 'daybook.yaml'), 'utf8');

test.each(senders)(
  'for %s it writes a commented file that check accepts, for its owner alone, and says what to do',
  async (sender) => {
    const { code, stdout, stderr } = await init('--yes', '--sender', sender, '--domain', 'north.example');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('journal@journal.north.example');
    expect(stdout).toContain(`docs/${sender}.md`);
    expect((await stat(join(folder, 'daybook.yaml'))).mode & 0o777).toBe(0o600);
    expect((await written()).match(/#/g)?.length).toBeGreaterThan(8);
    const checked = await check();
    expect([checked.code, checked.stdout, checked.stderr]).toEqual([
      ...[0, '', expect.stringMatching(/daybook\.yaml: 1 definition, no fault\n$/)],
    ]);
    expect(await readdir(folder)).toEqual(['daybook.yaml']);
  },
);

test('every answer stands in the file', async () => {
  const answers = [
    '--domain',
    'north.example',
    '--domain',
    '*.south.example',
    '--service-address',
    'keep@j.north.example',
  ];
  const where = ['--data-dir', '/var/lib/daybook', '--smtp-host', '::', '--smtp-port', '2526', '--http-port', '9000'];
  const who = ['--source', '10.0.0.0/8', '--source', '2001:db8::/32', '--with-token', '--sender', 'google-workspace'];
  const { code, stdout } = await init('-y', ...answers, ...where, ...who);
  expect(code).toBe(0);
  const { http, ...document } = parse(await written());
  expect(document).toEqual({
    dataDir: '/var/lib/daybook',
    smtp: { host: '::', port: 2526, authorizedSources: ['10.0.0.0/8', '2001:db8::/32'] },
    directory: { internalDomains: ['north.example', '*.south.example'] },
    definitions: [
      {
        id: 'google',
        description: 'Google Workspace',
        transport: 'smtp',
        serviceEmailAddress: 'keep@j.north.example',
        journalType: 'standard',
      },
    ],
  });
  const [{ token, ...who_ }] = http.tokens;
  expect([http.host, http.port, who_]).toEqual(['127.0.0.1', 9000, { name: 'admin', role: 'admin' }]);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(stdout).toContain('holds a token');
  expect(stdout).not.toContain(token);
});

test('a token stands in it wherever the API is to be reached from elsewhere, another one each time', async () => {
  const tokenNow = async () => {
    expect((await init('-y', '--force', '--domain', 'north.example', '--http-host', '0.0.0.0')).code).toBe(0);
    return parse(await written()).http.tokens[0].token as string;
  };
  expect(await tokenNow()).not.toBe(await tokenNow());
  // A name that only begins as this machine's addresses do.
  expect((await init('-y', '--force', '--domain', 'north.example', '--http-host', '127.example')).code).toBe(0);
  expect(parse(await written()).http.tokens).toHaveLength(1);
  expect((await init('-y', '--force', '--domain', 'north.example', '--http-host', 'LOCALHOST')).code).toBe(0);
  expect(parse(await written()).http.tokens).toBeUndefined();
});

test('a file that stands there is kept but for --force', async () => {
  await writeFile(join(folder, 'daybook.yaml'), 'mine: true\n');
  const refused = await init('--yes', '--domain', 'north.example');
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('--force');
  expect(await written()).toBe('mine: true\n');
  expect((await init('--yes', '--domain', 'north.example', '--force')).code).toBe(0);
  expect((await check()).code).toBe(0);
  expect((await stat(join(folder, 'daybook.yaml'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['daybook.yaml']);
});

test('answers that make no sound configuration are told as check does, and nothing is written', async () => {
  const { code, stdout, stderr } = await init(
    '--yes',
    '--domain',
    'north',
    '--source',
    '10.0.0.0/99',
    '--domain',
    'a b',
  );
  expect([code, stdout]).toEqual([78, '']);
  expect(stderr).toMatch(/daybook\.yaml:\d+:\d+: smtp\.authorizedSources\[0\]: /);
  expect(stderr).toMatch(/directory\.internalDomains\[1\]: /);
  for (const args of [
    ['--yes'],
    [],
    ['--yes', '--domain', 'a.example', '--smtp-port', '70000'],
    ['--sender', 'sendmail'],
  ])
    expect((await init(...args)).code, args.join(' ')).toBe(2);
  expect(await readdir(folder)).toEqual([]);
});

describe.skipIf(leftOut({ programs: ['script'] }))('on a terminal', () => {
  const enter = '\r';

  test('it asks, with what most would answer, and writes what was answered', async () => {
    await using pty = onTerminal(['init'], { cwd: folder });
    const answer = async (question: string, keys: string) => {
      await pty.until(question);
      pty.type(keys);
    };
    await answer('What sends the mail?', `\u001b[B\u001b[B\u001b[B${enter}`);
    await answer('Your mail domains', `north.example, *.south.example${enter}`);
    await answer('Service address', enter);
    await answer('Address to listen on', enter);
    await answer('Port to listen on', `2626${enter}`);
    await answer('Who may send?', enter);
    await answer('Address of API', enter);
    await answer('Protect the API', 'y');
    await answer('Folder for the mail', enter);
    await pty.until('written, mode 0600');
    expect(await pty.ended).toBe(0);
    expect(parse(await written())).toMatchObject({
      smtp: { host: '127.0.0.1', port: 2626, authorizedSources: [] },
      http: { tokens: [{ role: 'admin' }] },
      directory: { internalDomains: ['north.example', '*.south.example'] },
      definitions: [{ id: 'postfix', serviceEmailAddress: 'journal@journal.north.example' }],
    });
    expect((await check()).code).toBe(0);
  });

  test('Ctrl-C leaves nothing behind', async () => {
    await using pty = onTerminal(['init', '--sender', 'postfix'], { cwd: folder });
    await pty.until('Your mail domains');
    pty.type('\u0003');
    expect(await pty.ended).toBe(1);
    expect(pty.shown()).toContain('Nothing was written');
    expect(await readdir(folder)).toEqual([]);
  });
});
