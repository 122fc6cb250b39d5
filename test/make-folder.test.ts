import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from '../src/make-folder.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'daybook-folder-'));
});
afterAll(async () => rm(root, { recursive: true }));

test('makes what is missing, for its owner alone, and says which was the topmost', async () => {
  const path = join(root, 'a', 'b', 'c');
  expect(await makeFolder(path)).toBe(join(root, 'a'));
  for (const each of [path, join(root, 'a')]) expect((await stat(each)).mode & 0o777).toBe(0o700);
  expect(await makeFolder(path)).toBeUndefined();
  expect(await makeFolder(join(path, 'd'))).toBe(join(path, 'd'));
  await symlink(path, join(root, 'link'));
  expect(await makeFolder(join(root, 'link'))).toBeUndefined();
});

test('two at once both come to it, and one of them has made it', async () => {
  const paths = Array.from({ length: 20 }, (_, at) => join(root, 'both', 'x', String(at)));
  await Promise.all(paths.map((path) => makeFolder(path)));
  expect((await readdir(join(root, 'both', 'x'))).length).toBe(20);
});

test.each([
  ['/proc/none', 'ENOENT'],
  ['/proc/none/below', 'ENOENT'],
  ['file', 'EEXIST'],
  ['file/below', 'ENOTDIR'],
])('%s: ends with what the system says', async (path, code) => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolder(path.startsWith('/') ? path : join(root, path))).rejects.toMatchObject({ code });
});
