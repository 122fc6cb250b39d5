import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary, type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { openStore } from '../../src/store/open-store.ts';
import { eventually } from '../support/eventually.ts';
import { leftOut, partner } from '../support/journey-partners.ts';
import { freeze } from './disk.ts';

const definitions = `
store: { minimumFree: 1MB, bytes: BYTES }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example }
`;
const configOf = (bytes: string): string => definitions.replace('BYTES', bytes);

interface Second {
  readonly code: number | null;
  readonly stderr: string;
  /** From the start of its process to its end. */
  readonly afterMs: number;
}
/** A process that is not refused would run on. */
const endsWithinMs = 20_000;

/** Starts a second engine, with ports of its own, on the data at this path, and waits for its end. */
async function second(dataDir: string, bytes: string): Promise<Second> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-second-'));
  try {
    const ports = `http: { port: ${await freePort()} }\nsmtp: { port: ${await freePort()} }\n`;
    await writeFile(join(folder, 'daybook.yaml'), `dataDir: ${dataDir}\n${ports}${configOf(bytes)}`);
    return await ended(['run', '--config', join(folder, 'daybook.yaml')]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
async function ended(args: readonly string[]): Promise<Second> {
  const startedAt = performance.now();
  const child: ChildProcess = spawn(process.execPath, [binary, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: endsWithinMs,
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr, afterMs: performance.now() - startedAt };
}

/** Refused, with the code and the words that say so. */
async function expectRefused(dataDir: string, bytes: string): Promise<Second> {
  const refused = await second(dataDir, bytes);
  expect(refused.stderr).toMatch(/another engine|in use|locked/i);
  expect(refused.code).toBe(75);
  return refused;
}
const dataOf = (daybook: Daybook): string => join(daybook.directory, 'data');

describe.each(['segments', 'leveldb'])('a second engine on the folder of the first (%s)', (bytes) => {
  const config = configOf(bytes);
  let first: Daybook;
  beforeAll(async () => {
    first = await startDaybook({ config });
  });
  afterAll(() => first[Symbol.asyncDispose]());

  test('is refused, by whatever path it comes', async () => {
    await expectRefused(dataOf(first), bytes);
    const link = join(first.directory, 'link');
    await symlink(dataOf(first), link);
    await expectRefused(link, bytes);
    expect((await first.fetch('/readyz')).ok, 'the first runs on').toBe(true);
  });

  test('is refused in less than a second beside one whose data directory cannot even be made', async () => {
    // Both at once, so that a machine with much to do slows both; and again where it slowed one alone.
    await eventually(async () => {
      const [refused, other] = await Promise.all([
        expectRefused(dataOf(first), bytes),
        second(join(first.configFile, 'data'), bytes),
      ]);
      expect(other.stderr).toContain('ENOTDIR');
      return refused.afterMs - other.afterMs < 1_000;
    });
  });

  test.skipIf(leftOut({ programs: ['mount'], asRoot: true }))('is refused through a bind mount', async () => {
    const other = join(first.directory, 'bound');
    await mkdir(other);
    expect(await partner('mount', ['--bind', dataOf(first), other])).toMatchObject({ code: 0 });
    try {
      await expectRefused(other, bytes);
    } finally {
      await partner('umount', [other]);
    }
  });

  test('is refused with every lock file of the first deleted', async () => {
    for (const file of ['lock', 'lock.socket', 'index/LOCK', 'bodies/LOCK']) {
      await rm(join(dataOf(first), file), { force: true });
    }
    await expectRefused(dataOf(first), bytes);
    expect((await first.fetch('/readyz')).ok, 'the first runs on').toBe(true);
  });

  test('is refused while the first stands still', async () => {
    await freeze(first.pid);
    await expectRefused(dataOf(first), bytes);
    process.kill(first.pid, 'SIGCONT');
    expect((await first.fetch('/readyz')).ok, 'the first runs on').toBe(true);
  });

  test('is refused after the process of the first has tried to open it once more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-twice-'));
    const options = {
      dataDir: join(folder, 'data'),
      bytes: bytes as 'segments' | 'leveldb',
      segmentBytes: 1_000_000,
      now: () => Date.now(),
      journalTypeOf: () => null,
    };
    try {
      await using _first = await openStore(options);
      await expect(openStore(options)).rejects.toMatchObject({ code: 'locked' });
      await expectRefused(options.dataDir, bytes);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('starts after the first was killed, with all its files left', async () => {
    await first.end('SIGKILL');
    await using again = await startDaybook({ config, directory: first.directory });
    expect((await again.fetch('/readyz')).ok).toBe(true);
    await expectRefused(dataOf(again), bytes);
  });
});
