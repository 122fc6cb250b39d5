import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backUp, readManifest } from '../../src/engine/backup.ts';
import { applyRepair, planRepair } from '../../src/engine/repair.ts';
import { restore } from '../../src/engine/restore.ts';
import { createUnseal } from '../../src/store/unseal.ts';
import { filesOf, sha256File } from '../support/folders.ts';

const inClear = { unseal: createUnseal(null), index: null, hasKey: true };
const progress = (): void => undefined;

/** A backup that somebody has made up, with one file that its manifest calls `name`. */
async function foreignBackup(parent: string, name: unknown, more: object = {}): Promise<string> {
  const from = join(parent, 'backup');
  await mkdir(join(from, 'commitlog'), { recursive: true });
  await writeFile(join(parent, 'planted'), 'x');
  await writeFile(join(from, 'planted'), 'x');
  const file = { name, size: 1, sha256: await sha256File(join(parent, 'planted')), footer: null, ...more };
  await writeFile(
    join(from, 'manifest.json'),
    JSON.stringify({ format: 'daybook-backup/1', at: '', size: 0, head: null, files: [file] }),
  );
  return from;
}

test.each([
  '../planted',
  'commitlog/../../planted',
  'commitlog/../../planted/../escaped',
  '/tmp/daybook-escaped',
  'commitlog/00000000000000000001.seg/../../../escaped',
  'commitlog/0000000000000000000１.seg',
  'commitlog/00000000000000000001.seg\n',
  'keys/../../planted',
  'keys/00000000000000000001.keys/../x',
  'anchors/../../planted',
  `anchors/a/b/00000000000000000001-${'a'.repeat(64)}.tsr`,
  'planted',
  'lock',
  'manifest.json',
  '',
  null,
  7,
  ['commitlog/00000000000000000001.seg', 'x'],
])('a backup whose manifest names %j is none, and nothing is written', async (name) => {
  const parent = await mkdtemp(join(tmpdir(), 'daybook-foreign-'));
  try {
    const from = await foreignBackup(parent, name);
    const dataDir = join(parent, 'data');
    await mkdir(join(dataDir, 'commitlog'), { recursive: true });
    const before = await filesOf(parent);
    await expect(readManifest(from)).rejects.toThrow('is no backup');
    await expect(restore({ from, dataDir: join(parent, 'restored'), master: null, progress })).rejects.toThrow(
      'is no backup',
    );
    const repair = { dataDir, bytes: 'segments', from, reading: inClear, progress } as const;
    await expect(planRepair(repair)).rejects.toThrow('is no backup');
    const plan = { report: {} as never, steps: [{ kind: 'take-from-backup', file: String(name), why: '' } as const] };
    await expect(applyRepair(repair, plan, 'x')).rejects.toThrow('is no backup');
    const options = { dataDir, to: from, head: null, withKeys: false, unseal: inClear.unseal, at: '', progress };
    await expect(backUp(options)).rejects.toThrow('is no backup');
    expect(await filesOf(parent)).toEqual(before);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

test.each([{ size: -1 }, { size: 1e300 }, { size: '1' }, { sha256: 'x' }, { footer: 'x' }, { footer: {} }])(
  'a backup whose manifest says %j of a file is none',
  async (more) => {
    const parent = await mkdtemp(join(tmpdir(), 'daybook-foreign-'));
    try {
      await expect(
        readManifest(await foreignBackup(parent, 'commitlog/00000000000000000001.seg', more)),
      ).rejects.toThrow('is no backup');
    } finally {
      await rm(parent, { recursive: true, force: true });
    }
  },
);
