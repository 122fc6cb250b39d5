import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crc32c } from '../../src/store/crc32c.ts';
import { checkLevelFiles } from '../../src/store/leveldb-check.ts';
import { readLogFile } from '../../src/store/leveldb-log.ts';
import { liveFilesOf } from '../../src/store/leveldb-manifest.ts';
import { below, prng } from '../support/prng.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
let folder = '';

/** A database as an index is: tables of several levels, a log with something in it, keys deleted again. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-level-'));
  const database = new Level<string, string>(join(folder, 'index'), { compression: false, writeBufferSize: 65_536 });
  for (let round = 0; round < 12; round += 1) {
    const ops = Array.from({ length: 300 }, (_, n) => ({
      type: 'put' as const,
      key: `key ${(n * 7919 + round) % 5_000}`,
      value: JSON.stringify({ round, n, text: 'x'.repeat(n % 90) }),
    }));
    await database.batch(ops);
    await database.batch(ops.slice(0, 40).map(({ key }) => ({ type: 'del' as const, key })));
  }
  await database.close();
  // Once more: opening deletes the tables that a compaction had begun when the database was closed.
  await database.open();
  await database.batch(
    Array.from({ length: 100 }, (_, n) => ({ type: 'put', key: `late ${n}`, value: 'x'.repeat(n) })),
  );
  await database.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('knows the checksum (RFC 3720 B.4)', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('finds nothing wrong with a database that is well', async () => {
  const { faults, bytes } = await checkLevelFiles(join(folder, 'index'), { isTorn: false });
  expect(faults).toEqual([]);
  expect(bytes).toBeGreaterThan(100_000);
  const names = await readdir(join(folder, 'index'));
  expect(names.some((name) => name.endsWith('.ldb')) && names.some((name) => name.endsWith('.log'))).toBe(true);
});

test('finds each bit that was flipped, and names its file', async () => {
  console.log(`seed ${seed}`);
  const random = prng(seed);
  const copy = join(folder, 'flipped', 'index');
  await cp(join(folder, 'index'), copy, { recursive: true });
  const manifest = (await readdir(copy)).find((name) => name.startsWith('MANIFEST'))!;
  const { tables, firstLog } = liveFilesOf(readLogFile(await readFile(join(copy, manifest))).records);
  const logs = (await readdir(copy)).filter((name) => name.endsWith('.log') && Number.parseInt(name, 10) >= firstLog);
  const names = ['CURRENT', manifest, ...logs, ...tables.map(({ name }) => name)];
  for (let flips = 0; flips < 300; flips += 1) {
    const name = names[below(random, names.length)]!;
    const bytes = await readFile(join(copy, name));
    if (bytes.length === 0) continue;
    const at = below(random, bytes.length);
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << below(random, 8);
    await writeFile(join(copy, name), flipped);
    const { faults } = await checkLevelFiles(copy, { isTorn: false });
    expect(faults, `${name} at ${at}`).not.toEqual([]);
    if (name !== 'CURRENT' && !name.startsWith('MANIFEST')) expect(faults[0]?.file).toBe(`index/${name}`);
    await writeFile(join(copy, name), bytes);
  }
});

test('finds a table that is missing or cut, and a cut log unless the engine was killed', async () => {
  const copy = join(folder, 'cut', 'index');
  await cp(join(folder, 'index'), copy, { recursive: true });
  const names = await readdir(copy);
  const table = names.find((name) => name.endsWith('.ldb'))!;
  const whole = await readFile(join(copy, table));
  await writeFile(join(copy, table), whole.subarray(0, -1));
  expect((await checkLevelFiles(copy, { isTorn: true })).faults).toMatchObject([{ file: `index/${table}` }]);
  await rm(join(copy, table));
  expect((await checkLevelFiles(copy, { isTorn: true })).faults).toMatchObject([{ text: 'is missing' }]);
  await writeFile(join(copy, table), whole);
  const log = names.find((name) => name.endsWith('.log'))!;
  const bytes = await readFile(join(copy, log));
  await writeFile(join(copy, log), bytes.subarray(0, -3));
  expect((await checkLevelFiles(copy, { isTorn: true })).faults).toEqual([]);
  expect((await checkLevelFiles(copy, { isTorn: false })).faults).toMatchObject([{ file: `index/${log}` }]);
});
