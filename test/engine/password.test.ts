import { scryptSync } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { createSecretBox, definitionKey, isDefinitionKeyWhole } from '../../src/engine/definition-secrets.ts';
import { createPasswordCheck, hashPassword, isHashed } from '../../src/engine/password.ts';
import { flipBit } from '../support/folders.ts';

test('a hashed password lets in who knows it and nobody else, twice in a row too', async () => {
  const hashed = await hashPassword('right');
  expect([isHashed(hashed), hashed.includes('right'), hashed.length <= 256]).toEqual([true, false, true]);
  const { verify } = createPasswordCheck();
  const secret = new Secret(hashed);
  const tried = [];
  for (const password of ['wrong', 'right', 'wrong', 'right', hashed]) tried.push(await verify(secret, password));
  expect(tried).toEqual([false, true, false, true, false]);
});

test('two hashes of one password differ, and one in clear is compared as it is', async () => {
  expect(await hashPassword('right')).not.toBe(await hashPassword('right'));
  const { verify } = createPasswordCheck();
  expect([await verify(new Secret('clear'), 'clear'), await verify(new Secret('clear'), 'clea')]).toEqual([
    true,
    false,
  ]);
});

/** At the lowest cost that is taken: what is tried here is how many may wait, not how long. */
function cheaplyHashed(password: string): string {
  const salt = Buffer.alloc(16, 'salt');
  const key = scryptSync(password, salt, 32, { N: 2 ** 10, r: 1, p: 1 });
  return `scrypt:10:1:1:${salt.toString('base64url')}:${key.toString('base64url')}`;
}

test('tries beyond those that may wait are turned away, and the others still answered', async () => {
  const secret = new Secret(cheaplyHashed('right'));
  const { verify } = createPasswordCheck();
  const tries = Array.from({ length: 70 }, async () => verify(secret, 'right'));
  const results = await Promise.allSettled(tries);
  const refused = results.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(4);
  expect(results.filter((each) => each.status === 'fulfilled' && each.value)).toHaveLength(66);
});

test('a cost beyond what a login can pay is no hash', () => {
  const parts = ['AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(43)];
  expect(isHashed(`scrypt:17:16:4:${parts.join(':')}`)).toBe(true);
  for (const cost of ['18:8:1', '15:17:1', '15:8:5', '9:8:1']) {
    expect(isHashed(`scrypt:${cost}:${parts.join(':')}`), cost).toBe(false);
  }
});

test('a sealed password opens with its key and for its definition alone, and never seals alike twice', () => {
  const box = createSecretBox(Buffer.alloc(32, 1));
  const sealed = box.seal('mailbox', new Secret('pop3-password'));
  expect(box.open('mailbox', sealed)?.reveal()).toBe('pop3-password');
  expect(box.open('another', sealed)).toBeUndefined();
  expect(createSecretBox(Buffer.alloc(32, 2)).open('mailbox', sealed)).toBeUndefined();
  // Not the last letter: some of its bits stand for nothing.
  const [before, letter, after] = [sealed.slice(0, -5), sealed.at(-5), sealed.slice(-4)];
  expect(box.open('mailbox', `${before}${letter === 'A' ? 'B' : 'A'}${after}`)).toBeUndefined();
  expect(box.open('mailbox', 'v1')).toBeUndefined();
  expect(box.seal('mailbox', new Secret('pop3-password'))).not.toBe(sealed);
});

test('a key is made once, whole from its first moment, and an empty file is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-key-'));
  const file = join(folder, 'definitions.key');
  try {
    const key = await definitionKey(folder);
    expect([key.length, (await stat(file)).mode & 0o777, await readdir(folder)]).toEqual([
      32,
      0o600,
      ['definitions.key'],
    ]);
    expect(await definitionKey(folder)).toEqual(key);
    await writeFile(file, '');
    const next = await definitionKey(folder);
    expect([next.length, Buffer.from(next).equals(key)]).toEqual([32, false]);
    await writeFile(file, next.subarray(1));
    await expect(definitionKey(folder)).rejects.toThrow(/definitions\.key is damaged/);
    expect(await isDefinitionKeyWhole(folder)).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('no bit of a key flips unseen, and a key of an earlier engine is kept and can be told from then on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-key-'));
  const file = join(folder, 'definitions.key');
  try {
    const earlier = Buffer.alloc(32, 'k');
    await writeFile(file, earlier, { mode: 0o600 });
    expect(await isDefinitionKeyWhole(folder)).toBe(true);
    expect(Buffer.from(await definitionKey(folder)).equals(earlier)).toBe(true);
    expect(Buffer.from(await definitionKey(folder)).equals(earlier)).toBe(true);
    const { size, mode } = await stat(file);
    expect([size, mode & 0o777]).toEqual([40, 0o600]);
    for (let bit = 0; bit < size * 8; bit += 1) {
      const putBack = await flipBit(file, bit >> 3, bit % 8);
      expect(await isDefinitionKeyWhole(folder), `bit ${bit}`).toBe(false);
      await expect(definitionKey(folder)).rejects.toThrow(/definitions\.key is damaged/);
      await putBack();
    }
    expect(await isDefinitionKeyWhole(folder)).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a decoy lets nobody in, not even with the password it passes for', async () => {
  const check = createPasswordCheck();
  const secret = new Secret(await hashPassword('right'));
  expect(await check.verify(secret, 'right')).toBe(true);
  for (const like of [secret, new Secret('right'), undefined]) expect(await check.decoy(like, 'right')).toBe(false);
});
