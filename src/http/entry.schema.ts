import { z } from 'zod';
import {
  count,
  family,
  intakeStates,
  level,
  origin,
  pageSchema,
  type Read,
  recipientSource,
  recipientType,
  sha256,
  time,
} from './words.schema.ts';

/** Answers of interface section 5. */

const viaSchema = z.object({ kind: z.enum(['expanded', 'forwarded']), address: z.string() });
const observedSchema = z.object({
  address: z.string(),
  type: recipientType,
  via: z.array(viaSchema),
  internal: z.boolean(),
  known: z.boolean(),
});

export const recipientSchema = observedSchema.extend({ sources: z.array(recipientSource) });

export const observationSchema = z.object({
  intakeId: z.string(),
  definition: z.string().nullable(),
  origin,
  receivedAt: time,
  level,
  family: family.nullable(),
  recipients: z.array(
    observedSchema.extend({ source: recipientSource.optional(), sources: z.array(recipientSource).optional() }),
  ),
  flags: z.array(z.string()),
});

export const entrySchema = z.object({
  id: z.string(),
  messageId: z.string().nullable().describe('with its angle brackets'),
  subject: z.string().nullable(),
  date: time.nullable(),
  from: z.string().nullable(),
  sender: z.string().nullable().describe('envelope sender'),
  onBehalfOf: z.string().nullable(),
  recipients: z.array(recipientSchema),
  mailboxes: z.array(z.string()).describe('the known internal addresses it belongs to'),
  size: count,
  sha256,
  archivedAt: time,
  origin,
  flags: z.array(z.string()),
  representations: z.array(z.object({ sha256, size: count, clearText: z.boolean(), protected: z.boolean() })),
  observations: z.array(observationSchema),
  holds: z.array(z.string()).describe('the legal holds that it is on'),
});

/** The answer to a search. */
export const foundSchema = pageSchema(entrySchema).extend({
  textIndex: z
    .object({ behind: count.describe('messages that are not found by their text yet; 0: all are') })
    .optional()
    .describe('where `text` was asked for'),
});

/** How an entry came to be: each copy that was received, with the steps of its intake record. */
export const traceSchema = z.object({
  id: z.string(),
  archivedAt: time,
  copies: z.array(
    z.object({
      intakeId: z.string(),
      definition: z.string().nullable(),
      origin,
      receivedAt: time,
      level,
      state: z.enum(intakeStates).nullable().describe('null when the intake record is gone'),
      reason: z.string().nullable(),
      steps: z.array(z.object({ at: time, step: z.string(), detail: z.string().nullable() })),
    }),
  ),
  omitted: count.describe('copies beyond the first hundred'),
});

export type Entry = Read<z.infer<typeof entrySchema>>;
export type Found = Read<z.infer<typeof foundSchema>>;
export type Trace = Read<z.infer<typeof traceSchema>>;
