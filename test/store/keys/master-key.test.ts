import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { masterKeyOf, readMasterKey } from '../../../src/master-key.ts';
import { keyBytesOf, masterKey } from '../../support/master-keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const inFile = async (content: string | Buffer, mode = 0o600) => {
  const file = join(folder, 'master.key');
  await writeFile(file, content);
  await chmod(file, mode);
  return readMasterKey({ file }, undefined);
};

test('one key in every writing: raw, hex, base64 and its URL form, with white space around', async () => {
  const bytes = keyBytesOf();
  const { id } = masterKey();
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  const hex = bytes.toString('hex');
  for (const content of [
    bytes,
    hex,
    `${hex.toUpperCase()}\n`,
    ` ${bytes.toString('base64')}\r\n`,
    bytes.toString('base64url'),
  ])
    expect((await inFile(content)).id).toBe(id);
});

test('what is no key is refused, and nothing of it is said', async () => {
  const hex = keyBytesOf().toString('hex');
  for (const content of ['', 'secret words', hex.slice(2), `${hex}00`, Buffer.alloc(32), 'a'.repeat(10_000)]) {
    const error = await inFile(content).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'key-unusable' });
    const said = String(error);
    expect(said).toContain('master.key');
    if (content.length > 0) expect(said).not.toContain(content.toString().slice(0, 12));
  }
});

test('a file that others may read is refused, one that is missing too', async () => {
  await expect(inFile(keyBytesOf(), 0o640)).rejects.toThrow(/chmod 600/);
  await expect(inFile(keyBytesOf(), 0o604)).rejects.toThrow(/chmod 600/);
  await expect(readMasterKey({ file: join(folder, 'none') }, undefined)).rejects.toThrow(/ENOENT/);
});

test('a credential of systemd is found in the folder that it names', async () => {
  await writeFile(join(folder, 'daybook'), keyBytesOf(), { mode: 0o440 });
  expect((await readMasterKey({ credential: 'daybook' }, folder)).id).toBe(masterKey().id);
  await expect(readMasterKey({ credential: 'daybook' }, undefined)).rejects.toMatchObject({ code: 'key-unusable' });
});

test('a wrapped key opens under its own master key and context alone, and not with a bit flipped', () => {
  const key = keyBytesOf('wrapped');
  const wrapped = masterKey().wrap(key, 'here');
  expect(masterKey().unwrap(wrapped, 'here')).toEqual(key);
  expect(masterKey().unwrap(wrapped, 'there')).toBeNull();
  expect(masterKey('two').unwrap(wrapped, 'here')).toBeNull();
  expect(wrapped.includes(key)).toBe(false);
  for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
    const flipped = Buffer.from(wrapped);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(masterKey().unwrap(flipped, 'here')).toBeNull();
  }
  expect(masterKey().unwrap(wrapped.subarray(1), 'here')).toBeNull();
  expect(masterKeyOf(keyBytesOf('two')).id).not.toBe(masterKey().id);
});
