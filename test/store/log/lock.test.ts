import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLock } from '../../../src/store/lock.ts';

let directory = '';
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

/** A process that takes the lock, says how that went, and stays. */
async function holder(dataDir = directory, wrap: readonly string[] = []) {
  const lock = join(import.meta.dirname, '../../../src/store/lock.ts');
  const script = `import(${JSON.stringify(lock)}).then(({ openLock }) => openLock(${JSON.stringify(dataDir)}))
    .then(() => console.log('held'), (error) => console.log(error.code ?? error));
    setInterval(() => undefined, 60_000);`;
  const [command = process.execPath, ...args] = [...wrap, process.execPath, '--import', 'tsx', '-e', script];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}
const kill = async (child: ChildProcess, signal: NodeJS.Signals) => {
  const exited = once(child, 'exit');
  child.kill(signal);
  if (signal === 'SIGKILL') await exited;
};
const locked = { code: 'locked' };

describe('the lock of a data directory', () => {
  test('is held by one engine in a process, again and again, by whatever path', async () => {
    const link = `${directory}-link`;
    await symlink(directory, link);
    try {
      await using _held = await openLock(directory);
      for (let round = 0; round < 3; round += 1) await expect(openLock(directory)).rejects.toMatchObject(locked);
      await expect(openLock(link)).rejects.toMatchObject(locked);
      await expect(openLock(join(directory, '.'))).rejects.toMatchObject(locked);
    } finally {
      await rm(link);
    }
  });

  test('is free once it was given back, twice or not, and leaves nothing behind', async () => {
    const held = await openLock(directory);
    expect(await readFile(join(directory, 'lock'), 'utf8')).toMatch(new RegExp(`^pid ${process.pid}\nstarted \\d+\n$`));
    await held[Symbol.asyncDispose]();
    await held[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual([]);
    await using _again = await openLock(directory);
  });

  test('outlasts a holder that lets go in that moment, as a child does between its fork and its exec', async () => {
    const held = await openLock(directory);
    const second = openLock(directory);
    await held[Symbol.asyncDispose]();
    await using _mine = await second;
    await expect(openLock(directory)).rejects.toMatchObject(locked);
  });

  test('does not mix up two directories', async () => {
    await mkdir(join(directory, 'one'));
    await mkdir(join(directory, 'two'));
    await using _one = await openLock(join(directory, 'one'));
    await using _two = await openLock(join(directory, 'two'));
  });

  test('holds although its files were deleted', async () => {
    await using _held = await openLock(directory);
    for (const name of await readdir(directory)) await rm(join(directory, name));
    await expect(openLock(directory)).rejects.toMatchObject(locked);
  });

  test('works in a directory with a name longer than a socket address', async () => {
    const long = join(directory, 'x'.repeat(120), 'y'.repeat(120));
    await mkdir(long, { recursive: true });
    await using _held = await openLock(long);
    await expect(openLock(long)).rejects.toMatchObject(locked);
  });

  test('refuses a second process at once, even when the first is stopped, and is free when it is killed', async () => {
    const first = await holder();
    expect(first.said).toBe('held');
    const before = performance.now();
    await expect(openLock(directory)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`pid ${first.child.pid}`),
    });
    expect(performance.now() - before).toBeLessThan(1_000);
    await kill(first.child, 'SIGSTOP');
    await expect(openLock(directory)).rejects.toMatchObject(locked);
    await kill(first.child, 'SIGKILL');
    await using _mine = await openLock(directory);
    expect((await readdir(directory)).toSorted(), 'nothing of the dead one').toEqual(['lock', 'lock.socket']);
    expect((await holder()).said).toBe('locked');
  });

  test('does not keep a process alive', async () => {
    const lock = join(import.meta.dirname, '../../../src/store/lock.ts');
    const script = `import(${JSON.stringify(lock)}).then(({ openLock }) => openLock(${JSON.stringify(directory)}))`;
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: 'inherit' });
    children.push(child);
    expect(await once(child, 'exit')).toEqual([0, null]);
    await using _mine = await openLock(directory);
  });

  test('reaches an engine in another network namespace, as containers have', async ({ skip }) => {
    const probe = spawn('unshare', ['--net', 'true'], { stdio: 'ignore' });
    const status = await new Promise((resolve) => {
      probe.once('error', () => resolve(-1));
      probe.once('exit', resolve);
    });
    if (status !== 0) skip('this system lets nobody make a network namespace');
    const first = await holder(directory, ['unshare', '--net']);
    expect(first.said).toBe('held');
    await expect(openLock(directory)).rejects.toMatchObject(locked);
    await kill(first.child, 'SIGSTOP');
    await expect(openLock(directory)).rejects.toMatchObject(locked);
    await kill(first.child, 'SIGKILL');
    await using _mine = await openLock(directory);
  });
});
