import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockPlace } from '../../src/cli/export/place-lock.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-place-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const busy = { exitCode: 75, message: expect.stringContaining('another process exports into it now') };

test.skipIf(process.platform !== 'linux')(
  'one process at a time exports into one place, by whatever path it goes there, before it is there and after',
  async () => {
    await symlink(folder, join(folder, 'link'));
    const to = join(folder, 'out');
    const first = await lockPlace(to);
    await expect(lockPlace(join(folder, 'link/out'))).rejects.toMatchObject(busy);
    await mkdir(to);
    await expect(lockPlace(to)).rejects.toMatchObject(busy);
    await using _other = await lockPlace(join(folder, 'another'));
    await first[Symbol.asyncDispose]();
    // A child that another test starts just now has the socket too, until it has become another program.
    await using _again = await eventually(() => lockPlace(to).catch(() => undefined), { what: 'the place' });
  },
);

test.skipIf(process.platform !== 'linux')('a process that was killed holds no place', async () => {
  const to = join(folder, 'killed');
  const held = `
    const { lockPlace } = await import(process.argv[1]);
    await lockPlace(process.argv[2]);
    console.log('held');
    setInterval(() => undefined, 60_000);
  `;
  const code = join(import.meta.dirname, '../../dist/src/cli/export/place-lock.js');
  const child = spawn(process.execPath, ['--input-type=module', '-e', held, code, to], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    await expect(lockPlace(to)).rejects.toMatchObject(busy);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await using _free = await lockPlace(to);
});
