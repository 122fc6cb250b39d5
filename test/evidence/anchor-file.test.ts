import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendHead, lineOf, readHeads } from '../../src/evidence/anchor-file.ts';

const head = { log: 'a'.repeat(64), size: 7, root: 'b'.repeat(64), at: 1_000, signature: 'c2ln', key: 'k' };
const kept = (size: number, more: Partial<typeof head> = {}) => ({
  head: { ...head, size, ...more },
  publicKey: 'PEM',
});

let folder: string;
let count = 0;
const fresh = (): string => {
  count += 1;
  return join(folder, `anchor-${count}.jsonl`);
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-anchor-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('heads stand one a line, for the owner alone, and are read back in their order', async () => {
  const path = fresh();
  for (const size of [3, 3, 9]) await appendHead(path, kept(size));
  expect((await readFile(path, 'utf8')).split('\n')).toEqual([...[3, 3, 9].map((size) => lineOf(kept(size))), '']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readHeads(path)).heads.map(({ size }) => size)).toEqual([3, 3, 9]);
});

test('a line that a power cut left unfinished is no fault, and gives way to the next', async () => {
  const path = fresh();
  await appendHead(path, kept(3));
  await appendHead(path, kept(4));
  await truncate(path, (await stat(path)).size - 20);
  expect(await readHeads(path)).toMatchObject({ heads: [{ size: 3 }], unreadable: [] });
  await appendHead(path, kept(5));
  expect(await readHeads(path)).toMatchObject({ heads: [{ size: 3 }, { size: 5 }], unreadable: [] });
});

test('anything else in a line is named by its number', async () => {
  const path = fresh();
  await writeFile(path, `${lineOf(kept(3))}\nnothing\n\n${'x'.repeat(9_000)}\n${lineOf(kept(4))}\n`);
  expect(await readHeads(path)).toMatchObject({ heads: [{ size: 3 }, { size: 4 }], unreadable: [2, 4] });
});

test('a file of one head over several lines is read as one', async () => {
  const path = fresh();
  await writeFile(path, `${JSON.stringify(kept(3), null, 2)}\n`);
  expect(await readHeads(path)).toMatchObject({ heads: [{ size: 3 }], unreadable: [] });
  await writeFile(path, JSON.stringify(kept(4)));
  expect(await readHeads(path)).toMatchObject({ heads: [{ size: 4 }], unreadable: [] });
});

test('a log with fewer records than the file knows of was put back: no younger line hides it', async () => {
  const path = fresh();
  await appendHead(path, kept(9));
  await expect(appendHead(path, kept(8))).rejects.toThrow(/had 9 records, and has 8: it was put back/);
  await appendHead(path, kept(2, { log: 'c'.repeat(64) }));
  expect((await readHeads(path)).heads.map(({ size }) => size)).toEqual([9, 2]);
  await appendFile(path, `${'filler\n'.repeat(10_000)}`);
  await appendHead(path, kept(1));
  expect((await readHeads(path)).unreadable).toHaveLength(100);
});
