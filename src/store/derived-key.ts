import { createHmac } from 'node:crypto';

const nothing = Buffer.alloc(0);

/**
 * A key of 32 bytes for one use: HKDF-Expand of one block (RFC 5869, 2.3). `key` is uniformly random, so nothing needs
 * extracting from it. No label is the beginning of another.
 */
export const derivedKey = (key: Buffer, label: string, more: Uint8Array = nothing): Buffer =>
  createHmac('sha256', key).update(label).update(more).update('\u0001').digest();
