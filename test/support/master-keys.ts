import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MasterKey, masterKeyOf } from '../../src/master-key.ts';

/** A key that is the same in every run, and another for each name. */
export const keyBytesOf = (name = 'one'): Buffer => createHash('sha256').update(`test key ${name}`).digest();
export const masterKey = (name = 'one'): MasterKey => masterKeyOf(keyBytesOf(name));

/** Such a key as a file for engines of their own process; one for each name and user, whoever asks. */
export function masterKeyFile(name = 'one'): string {
  const file = join(tmpdir(), `daybook-test-key-${process.getuid?.() ?? 0}-${name}`);
  writeFileSync(file, keyBytesOf(name), { mode: 0o600 });
  chmodSync(file, 0o600);
  return file;
}
