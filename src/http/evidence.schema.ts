import { z } from 'zod';
import { sha256 as hex, time } from './words.schema.ts';

export const signedHeadSchema = z.object({
  log: hex.describe('Hash of record 1: which log this is.'),
  size: z.int().describe('Records covered.'),
  root: hex.describe('RFC 9162 root over their hashes.'),
  at: z.int().describe('When it was signed, epoch milliseconds.'),
  signature: z.string().describe('Ed25519, base64.'),
  key: hex.describe('SHA-256 of the public key, SPKI DER.'),
});

/** Everything but the bytes, which are those of `/raw`. */
export const proofSchema = z.object({
  format: z.literal('daybook-proof/1'),
  id: z.string(),
  record: z.object({
    seq: z.int(),
    hash: hex,
    bytes: z.string().describe('What the hash is the SHA-256 of, base64: header and facts of the record.'),
  }),
  received: z.object({ sha256: hex, size: z.int() }),
  inclusion: z.object({ index: z.int(), size: z.int(), path: z.array(hex) }),
  head: signedHeadSchema,
  publicKey: z.string().describe('PEM.'),
});
export type Proof = z.output<typeof proofSchema>;

export const headSchema = z.object({ head: signedHeadSchema, publicKey: z.string().describe('PEM.') });
export type SignedHeadAnswer = z.output<typeof headSchema>;

export const signedExportSchema = z.object({
  statement: z.string().describe('What was signed, to the byte.'),
  signature: z.string().describe('Ed25519, base64.'),
  key: hex.describe('SHA-256 of the public key, SPKI DER.'),
  publicKey: z.string().describe('PEM.'),
});

export const verificationSchema = z.object({
  state: z.enum(['never', 'running', 'done', 'failed']),
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  bytes: z.int().describe('Read so far.'),
  report: z
    .object({
      records: z.int(),
      bytes: z.int(),
      heads: z.int(),
      anchored: z.int().describe('Heads of anchors that the log was compared with.'),
      deleted: z.int().describe('Payloads deleted by policy, a tombstone for each.'),
      unread: z.int().describe('Records that nobody could look into, for want of the master key.'),
      keyIds: z.array(z.string()).describe('Master keys that open the archive; none where it is not encrypted.'),
      size: z.int(),
      root: hex,
      faults: z.array(z.object({ file: z.string(), text: z.string() })),
    })
    .nullable(),
  error: z.string().nullable(),
});
export type Verification = z.output<typeof verificationSchema>;
