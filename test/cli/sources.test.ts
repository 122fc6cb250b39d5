import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Found } from '../../src/cli/import/found.types.ts';
import { findMessages } from '../../src/cli/import/sources.ts';

async function found(path: string): Promise<readonly Found[]> {
  const all: Found[] = [];
  for await (const each of findMessages([path], { quoting: 'mboxrd', limitBytes: 1_000 })) all.push(each);
  return all;
}

test('in a folder a file of another ending is left alone, unopened: it may be one that cannot be read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-sources-'));
  try {
    const [notes, bare] = [join(folder, 'notes.txt'), join(folder, 'bare')];
    for (const path of [notes, bare]) {
      await writeFile(path, 'From me: no mail\n');
      // A file that is read is noted as read where that was before its last change.
      await utimes(path, new Date(0), new Date());
    }
    const kinds = (await found(folder)).map(({ kind, name }) => [name, kind]);
    expect(kinds.toSorted()).toEqual([
      [`${bare} (message 1, at 0)`, 'skipped'],
      [notes, 'skipped'],
    ]);
    expect((await stat(notes)).atimeMs).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a file that cannot be read is refused, and the import goes on', async () => {
  // A file whose first bytes nobody can read, root neither: nothing lies at the address 0 of a process.
  expect(await found('/proc/self/mem')).toMatchObject([
    { kind: 'refused', name: '/proc/self/mem', why: 'it cannot be read: EIO' },
  ]);
});
