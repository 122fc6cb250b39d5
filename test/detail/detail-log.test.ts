import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DetailLogOptions, openDetailLog } from '../../src/detail/detail-log.ts';
import { eventually } from '../support/eventually.ts';

let directory = '';
let at = 0;
const troubles: string[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-detail-'));
  at = Date.UTC(2026, 10, 25);
  troubles.length = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (more: Partial<DetailLogOptions> = {}) =>
  openDetailLog({
    directory,
    name: 'exchange',
    now: () => at,
    trouble: ({ message }) => troubles.push(message),
    ...more,
  });
const linesOf = async (name: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  (await readFile(join(directory, name), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('writes a JSON line for each event with its time, in a file for the owner alone', async () => {
  const log = open();
  log.write({ smtp: 'MAIL' });
  at += 5;
  log.write({ smtp: 'RCPT' });
  await log[Symbol.asyncDispose]();
  expect(await linesOf('exchange.log')).toEqual([
    { at: '2026-11-25T00:00:00.000Z', smtp: 'MAIL' },
    { at: '2026-11-25T00:00:00.005Z', smtp: 'RCPT' },
  ]);
  expect((await stat(join(directory, 'exchange.log'))).mode & 0o777).toBe(0o600);
});

test('opens no file before its first line, and goes on behind what stands', async () => {
  await open()[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
  for (const n of [1, 2]) {
    const log = open();
    log.write({ n });
    await log[Symbol.asyncDispose]();
  }
  expect((await linesOf('exchange.log')).map(({ n }) => n)).toEqual([1, 2]);
});

test('puts a full file aside and keeps no more than its number, the youngest', async () => {
  const log = open({ limits: { fileBytes: 1_000, files: 3 } });
  for (let n = 0; n < 100; n += 1) {
    log.write({ n, text: 'x'.repeat(100) });
    if (n % 5 === 0) await eventually(async () => (await readdir(directory)).length > 0, { what: 'the file' });
  }
  await log[Symbol.asyncDispose]();
  const names = (await readdir(directory)).toSorted();
  expect(names).toEqual(['exchange.1.log', 'exchange.2.log', 'exchange.log']);
  const kept = (await Promise.all(names.map(linesOf))).flat().map(({ n }) => Number(n));
  expect(Math.max(...kept)).toBe(99);
  for (const name of names) expect((await stat(join(directory, name))).mode & 0o777, name).toBe(0o600);
});

test('drops what a slow disk cannot take, and says how much', async () => {
  const log = open({ limits: { waitingBytes: 1_000 } });
  // In one turn nothing reaches the disk: what is more than the bound has no place.
  for (let n = 0; n < 100; n += 1) log.write({ n, text: 'x'.repeat(100) });
  await eventually(async () => (await linesOf('exchange.log').catch(() => [])).length > 5, { what: 'some lines' });
  log.write({ n: 'after' });
  await log[Symbol.asyncDispose]();
  const lines = await linesOf('exchange.log');
  const kept = lines.filter(({ text }) => text !== undefined).length;
  expect(kept).toBeLessThan(20);
  expect(lines.slice(-2)).toMatchObject([{ dropped: `${100 - kept} lines dropped` }, { n: 'after' }]);
});

test('a file that cannot be written is told once, rests a minute, and is tried again', async () => {
  const log = open({ directory: join(directory, 'exchange.log', 'no-folder') });
  const blocker = open();
  blocker.write({ n: 0 });
  await blocker[Symbol.asyncDispose]();
  log.write({ n: 1 });
  await eventually(async () => troubles.length > 0, { what: 'the trouble' });
  for (let n = 0; n < 50; n += 1) log.write({ n });
  at += 59_999;
  log.write({ n: 'too early' });
  expect(troubles).toHaveLength(1);
  at += 1;
  log.write({ n: 'tried again' });
  await eventually(async () => troubles.length > 1, { what: 'the second trouble' });
  await log[Symbol.asyncDispose]();
});
