import { z } from 'zod';
import { definitionId, messageFilters, recordId } from './query.schema.ts';
import { type Read, time } from './words.schema.ts';

/** Shapes of holds and retention. */

const reason = z.string().trim().min(1).max(500);
const holdFilters = {
  definition: z.string(),
  mailbox: z.string(),
  from: z.string(),
  to: z.string(),
  messageId: z.string(),
  subject: z.string(),
  since: time,
  until: time,
  flag: z.string(),
};

/** A legal hold to place: by a search, by entries, or both. */
export const holdBody = z
  .strictObject({
    id: definitionId,
    reason,
    query: z
      .strictObject(messageFilters)
      .optional()
      .describe('The filters of a search; entries still to come are covered too. Without any: all mail.'),
    entries: z.array(recordId).min(1).max(10_000).optional(),
  })
  .refine(({ query, entries }) => query !== undefined || entries !== undefined, 'needs a query, or entries');

export const holdSchema = z.object({
  id: z.string(),
  reason: z.string(),
  query: z.object(holdFilters).partial().nullable(),
  entries: z.array(z.string()),
  placedAt: time,
  placedBy: z.string(),
});
export const holdParams = z.strictObject({ id: definitionId });
/** Who deletes what cannot come back says why. */
export const eraseQuery = z.strictObject({ reason });
export const resumeBody = z.strictObject({ reason });

export const retentionSchema = z.object({
  paused: z
    .object({ from: time, to: time })
    .nullable()
    .describe(
      'The clock leapt from here to there, and nothing is deleted by its time until somebody says that it is right.',
    ),
  items: z.array(
    z.object({
      definition: z.string().nullable().describe('null: the gateway'),
      days: z.number().nullable().describe('As configured; null: for ever.'),
      inForceDays: z.number().nullable().describe('A shorter time counts a week after the change.'),
    }),
  ),
});
export type RetentionAnswer = Read<z.infer<typeof retentionSchema>>;
export type HoldAnswer = Read<z.infer<typeof holdSchema>>;
export const holdListSchema = z.object({ items: z.array(holdSchema), next: z.null() });
