import { z } from 'zod';
import { signedHeadSchema } from './evidence.schema.ts';
import { count, type Read } from './words.schema.ts';

/** How large the archive is, how it grows, and how long there is room. */
export const storeSchema = z.object({
  bytes: z.object({
    log: count.describe('the commit log: mail and all that became of it'),
    index: count,
    textIndex: count.describe('0 where `search.text` is off'),
    detailedLogs: count,
  }),
  records: count,
  segments: count.nullable().describe('files of the commit log; null with `store.bytes: leveldb` and in a cluster'),
  encrypted: z.boolean(),
  disk: z.object({
    freeBytes: count,
    minimumFreeBytes: count.describe('under it no mail is taken'),
    totalBytes: count,
  }),
  growth: z
    .object({
      days: z.number().describe('that were looked at'),
      records: count.describe('that came in them'),
      bytesPerDay: count.describe('log and indexes, by the average record'),
      daysLeft: z.number().nullable().describe('until `minimumFree` is met; null while nothing comes'),
    })
    .nullable()
    .describe('null in the first hour'),
  lastHead: signedHeadSchema.nullable().describe('the newest signed head'),
});
export type StoreFigures = Read<z.infer<typeof storeSchema>>;
