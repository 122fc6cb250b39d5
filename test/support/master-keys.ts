import { createHash } from 'node:crypto';
import { type MasterKey, masterKeyOf } from '../../src/master-key.ts';

/** A key that is the same in every run, and another for each name. */
export const keyBytesOf = (name = 'one'): Buffer => createHash('sha256').update(`test key ${name}`).digest();
export const masterKey = (name = 'one'): MasterKey => masterKeyOf(keyBytesOf(name));
