import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isSignedBy, type LogHead, readSignedHead, signedText } from '../../src/evidence/head.ts';
import { openSigner, readPublicKeys } from '../../src/evidence/signing-key.ts';

const head: LogHead = { log: 'ab'.repeat(32), size: 7, root: 'cd'.repeat(32), at: Date.UTC(2026, 10, 25) };
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-signing-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('the key is made once, for the owner alone, and what it signs its public half knows', async () => {
  const signed = (await openSigner(folder)).sign(head);
  const again = (await openSigner(folder)).sign(head);
  expect(again).toEqual(signed);
  expect((await stat(join(folder, 'evidence.key'))).mode & 0o777).toBe(0o600);
  const [key] = await readPublicKeys(folder);
  expect(isSignedBy(signed, key!)).toBe(true);
  for (const lie of [{ size: 8 }, { at: head.at + 1 }, { root: head.log }, { log: head.root }]) {
    expect(isSignedBy({ ...signed, ...lie }, key!)).toBe(false);
  }
  expect(readSignedHead(JSON.parse(JSON.stringify(signed)))).toEqual(signed);
  const none = { log: 1, root: 1, signature: 1, key: 1, size: '7', at: '8' };
  for (const [name, value] of Object.entries(none)) {
    expect(readSignedHead({ ...signed, [name]: value }), name).toBeNull();
    expect(readSignedHead({ ...signed, [name]: undefined }), name).toBeNull();
  }
  for (const facts of [null, undefined, 'head', 7, []]) expect(readSignedHead(facts)).toBeNull();
  expect(signedText(head)).toBe(
    `daybook signed head v1\nlog ${head.log}\nsize 7\nroot ${head.root}\nat 2026-11-25T00:00:00.000Z\n`,
  );
});

test.each(['gone', 'empty'])(
  'a key that is %s is made anew, and the old public half still knows what it signed',
  async (how) => {
    const before = (await openSigner(folder)).sign(head);
    if (how === 'gone') await rm(join(folder, 'evidence.key'));
    else await writeFile(join(folder, 'evidence.key'), '');
    const after = (await openSigner(folder)).sign(head);
    const keys = await readPublicKeys(folder);
    expect(keys).toHaveLength(2);
    expect([isSignedBy(after, keys[0]!), isSignedBy(before, keys[1]!), isSignedBy(before, keys[0]!)]).toEqual([
      true,
      true,
      false,
    ]);
  },
);

test('a public half that is another is refused, and so is a file with anything else in it', async () => {
  await openSigner(folder);
  const file = join(folder, 'evidence.pub');
  const own = await readFile(file, 'utf8');
  await rm(join(folder, 'evidence.key'));
  await rm(file);
  await openSigner(folder);
  await writeFile(file, own);
  await expect(openSigner(folder)).rejects.toThrow(/one of them was changed/);
  await writeFile(file, `${own}x`);
  await expect(readPublicKeys(folder)).rejects.toThrow(/no key/);
});
