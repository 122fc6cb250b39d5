import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDetailFile } from '../../src/detail/detail-file.ts';
import { type DetailLogOptions, openDetailLog } from '../../src/detail/detail-log.ts';
import { eventually } from '../support/eventually.ts';
import { VirtualClock } from '../support/virtual-time.ts';

let directory = '';
let clock = new VirtualClock();
const troubles: string[] = [];
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'daybook-detail-')), 'logs');
  clock = new VirtualClock(Date.UTC(2026, 10, 25));
  troubles.length = 0;
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const open = (more: Partial<DetailLogOptions> = {}) =>
  openDetailLog({ directory, name: 'exchange', clock, trouble: (error) => troubles.push(String(error)), ...more });
const pass = (ms: number): void => clock.runUntil(clock.now() + ms);
type Line = Readonly<Record<string, unknown>>;
const parsed = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const linesOf = async (name: string): Promise<readonly Line[]> => parsed(await readFile(join(directory, name), 'utf8'));
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test('writes a JSON line for each event with its time, in a file and a folder for the owner alone', async () => {
  const log = open();
  log.write({ smtp: 'MAIL' });
  pass(5);
  log.write({ smtp: 'RCPT' });
  await log[Symbol.asyncDispose]();
  expect(await linesOf('exchange.log')).toEqual([
    { at: '2026-11-25T00:00:00.000Z', smtp: 'MAIL' },
    { at: '2026-11-25T00:00:00.005Z', smtp: 'RCPT' },
  ]);
  expect(await modeOf(join(directory, 'exchange.log'))).toBe(0o600);
  expect(await modeOf(directory)).toBe(0o700);
});

test('makes nothing before its first line, and goes on behind what stands', async () => {
  await open()[Symbol.asyncDispose]();
  expect(await readdir(join(directory, '..'))).toEqual([]);
  for (const n of [1, 2]) {
    const log = open();
    log.write({ n });
    await log[Symbol.asyncDispose]();
  }
  expect((await linesOf('exchange.log')).map(({ n }) => n)).toEqual([1, 2]);
});

test('puts a full file aside and keeps no more than its number, the youngest, none larger than allowed', async () => {
  const log = open({ limits: { fileBytes: 1_000, files: 3, pieceBytes: 300 } });
  for (let n = 0; n < 100; n += 1) log.write({ n, text: 'x'.repeat(100) });
  await log[Symbol.asyncDispose]();
  const names = (await readdir(directory)).toSorted();
  expect(names).toEqual(['exchange.1.log', 'exchange.2.log', 'exchange.log']);
  // Oldest file first: what is kept is one run of lines up to the last.
  const kept = (await Promise.all(['exchange.2.log', 'exchange.1.log', 'exchange.log'].map(linesOf))).flat();
  expect(kept.map(({ n }) => n)).toEqual(kept.map((_, index) => 100 - kept.length + index));
  expect(kept.length).toBeGreaterThan(8);
  for (const name of names) {
    const path = join(directory, name);
    expect(await modeOf(path), name).toBe(0o600);
    expect((await stat(path)).size, name).toBeLessThanOrEqual(1_000);
  }
});

/** Takes nothing before it is let, then everything. */
function slowDisk() {
  let taken = '';
  let pieces = 0;
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const file = new Writable({
    write: (chunk, _encoding, done) => {
      void gate.then(() => {
        taken += String(chunk);
        pieces += 1;
        done();
      });
    },
  });
  return { open: async () => file, letGo, lines: () => parsed(taken), pieces: () => pieces };
}

test('drops what a slow disk cannot take, holds no more than its bound, and says how much was dropped', async () => {
  const disk = slowDisk();
  const log = open({ open: disk.open, limits: { waitingBytes: 1_000 } });
  for (let n = 0; n < 100; n += 1) log.write({ n, text: 'x'.repeat(100) });
  disk.letGo();
  await eventually(async () => disk.lines().length > 0, { what: 'the disk' });
  const kept = disk.lines().length;
  expect(kept).toBeLessThan(12);
  log.write({ n: 'after' });
  await log[Symbol.asyncDispose]();
  expect(disk.lines().slice(kept)).toMatchObject([{ dropped: `${100 - kept} lines dropped` }, { n: 'after' }]);
  expect(troubles).toEqual([]);
});

test('says at its end what was dropped, where no line came after it', async () => {
  const disk = slowDisk();
  const log = open({ open: disk.open, limits: { waitingBytes: 1 } });
  for (let n = 0; n < 5; n += 1) log.write({ n });
  disk.letGo();
  await log[Symbol.asyncDispose]();
  expect(disk.lines()).toMatchObject([{ n: 0 }, { dropped: '4 lines dropped' }]);
});

test('writes lines that came while the disk was busy together', async () => {
  const disk = slowDisk();
  const log = open({ open: disk.open });
  for (let n = 0; n < 1_000; n += 1) log.write({ n });
  disk.letGo();
  await log[Symbol.asyncDispose]();
  expect(disk.lines().map(({ n }) => n)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  expect(disk.pieces()).toBeLessThan(10);
});

test('its end does not wait for a disk that never answers', async () => {
  const log = open({ open: slowDisk().open });
  log.write({ n: 0 });
  const closed = Promise.resolve(log[Symbol.asyncDispose]());
  pass(2_000);
  await closed;
});

test('a full disk costs the lines and is told once a minute; with room again the log says what is missing', async () => {
  let isFull = true;
  const log = open({
    open: async (file) => (isFull ? createWriteStream('/dev/full') : openDetailFile(file)),
  });
  for (let n = 0; n < 10; n += 1) log.write({ n });
  await eventually(async () => troubles.length > 0, { what: 'the trouble' });
  for (let n = 10; n < 60; n += 1) log.write({ n });
  pass(59_999);
  log.write({ n: 'too early' });
  expect(troubles).toEqual([expect.stringContaining('ENOSPC')]);
  pass(1);
  log.write({ n: 'second try' });
  await eventually(async () => troubles.length > 1, { what: 'the second trouble' });
  isFull = false;
  pass(60_000);
  log.write({ n: 'kept' });
  await log[Symbol.asyncDispose]();
  expect(await linesOf('exchange.log')).toMatchObject([{ dropped: '62 lines dropped' }, { n: 'kept' }]);
  expect(troubles).toHaveLength(2);
});

test('a line that was torn by a full disk does not spoil the next one', async () => {
  let isFull = true;
  const log = open({
    open: async (file) => {
      if (!isFull) return openDetailFile(file);
      const torn = new Writable({
        write: (chunk, _encoding, done) => {
          void writeFile(join(directory, 'exchange.log'), String(chunk).slice(0, 20)).then(() =>
            done(new Error('full')),
          );
        },
      });
      await (await openDetailFile(file)).end();
      return torn;
    },
  });
  log.write({ n: 'torn' });
  await eventually(async () => troubles.length > 0, { what: 'the trouble' });
  isFull = false;
  pass(60_000);
  log.write({ n: 'kept' });
  await log[Symbol.asyncDispose]();
  const [first, ...others] = (await readFile(join(directory, 'exchange.log'), 'utf8')).trimEnd().split('\n');
  expect(first).toHaveLength(20);
  expect(parsed(others.join('\n'))).toMatchObject([{ dropped: '1 lines dropped' }, { n: 'kept' }]);
});

test('a folder that cannot be made is trouble like any other, and no line throws', async () => {
  const log = open({ directory: join('/dev/null', 'logs') });
  log.write({ n: 0 });
  await eventually(async () => troubles.length > 0, { what: 'the trouble' });
  log.write({ n: 1 });
  await log[Symbol.asyncDispose]();
  log.write({ n: 'after its end' });
  expect(troubles).toEqual([expect.stringContaining('ENOTDIR')]);
});
