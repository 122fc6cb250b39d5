import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, idOf } from '../support/journey-mail.ts';
import { buildMessage } from '../support/mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
const count = 7;

let daybook: Daybook;
let folder: string;
/** As the list has them. */
let ids: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-part-'));
  daybook = await startDaybook({ config });
  const mail = join(folder, 'mail');
  await mkdir(mail);
  for (let at = 0; at < count; at += 1) {
    const bytes = buildMessage({ messageId: idOf(`m${at}`), date: dateOf(Date.now() - at * 60_000) });
    await writeFile(join(mail, `${at}.eml`), bytes);
  }
  await command(['import', mail, '--definition', 'exchange', '--config', daybook.configFile]);
  const list = () => all<Entry>(daybook, '/v1/messages');
  await eventually(async () => (await list()).length === count, { what: 'the archive' });
  ids = (await list()).map(({ id }) => id);
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const exporting = (to: string, ...args: readonly string[]) =>
  command(['export', '--to', to, '--format', 'eml', '--config', daybook.configFile, ...args]);
const linesOf = async (to: string) =>
  (await readFile(join(to, 'manifest.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly id: string; readonly next: string });
const idsIn = async (to: string) => (await linesOf(to)).map(({ id }) => id);

test('an export takes the limit and the cursor of the list, and its manifest tells where the next one begins', async () => {
  const [first, second, third] = ['first', 'second', 'third'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  expect(await exporting(first, '--limit', '3')).toMatchObject({ code: 0, stderr: '' });
  expect(await idsIn(first)).toEqual(ids.slice(0, 3));
  const { next = '' } = (await linesOf(first)).at(-1) ?? {};
  const page = await daybook.get<{ next: string }>('/v1/messages?limit=3');
  expect(next).toBe(page.next);
  expect(await exporting(second, '--limit', '2', '--cursor', next)).toMatchObject({ code: 0, stderr: '' });
  expect(await idsIn(second)).toEqual(ids.slice(3, 5));
  expect(await exporting(third, '--cursor', next, '--limit', '100000')).toMatchObject({ code: 0, stderr: '' });
  expect(await idsIn(third)).toEqual(ids.slice(3));
});

test('one that was cut goes on to the same limit', async () => {
  const to = join(folder, 'whole');
  expect((await exporting(to, '--limit', '4')).code).toBe(0);
  const whole = await readFile(join(to, 'manifest.jsonl'), 'utf8');
  for (const kept of [2, 4]) {
    const cut = join(folder, `cut${kept}`);
    await mkdir(cut);
    const lines = whole.split('\n').slice(0, kept);
    await writeFile(join(cut, 'manifest.jsonl'), `${lines.join('\n')}\n`);
    for (const id of ids.slice(0, kept)) {
      await writeFile(join(cut, `${id}.eml`), await readFile(join(to, `${id}.eml`)));
    }
    const state = { format: 'eml', query: { limit: '4' }, asOf: new Date().toISOString() };
    await writeFile(join(cut, '.daybook-export.json'), `${JSON.stringify(state)}\n`);
    const ended = await exporting(cut, '--limit', '4');
    expect([ended.code, ended.stderr]).toEqual([0, `going on behind ${kept} messages of an earlier run\n`]);
    expect(await readFile(join(cut, 'manifest.jsonl'), 'utf8')).toBe(whole);
  }
});

test('what is no limit and no cursor is wrong usage, and leaves nothing behind', async () => {
  const home = join(folder, 'wrong');
  await mkdir(home);
  for (const args of [
    ['--limit', '0'],
    ['--limit', 'all'],
    ['--limit', '-1'],
    ['--cursor', 'there'],
  ]) {
    const { code, stderr } = await exporting(join(home, 'x'), ...args);
    expect([args, code]).toEqual([args, 2]);
    expect(stderr).toContain(args[0]?.slice(2));
  }
  expect(await readdir(home)).toEqual([]);
});
