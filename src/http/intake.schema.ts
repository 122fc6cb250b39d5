import { z } from 'zod';
import { count, intakeStates, origin, type Read, sha256, time } from './words.schema.ts';

/** Answers of interface section 6. */

export const intakeItemSchema = z.object({
  id: z.string(),
  definition: z.string().nullable().describe('null for the mail gateway'),
  state: z.enum(intakeStates),
  reason: z.string().nullable(),
  receivedAt: time,
  size: count,
  sha256,
  attempt: count,
  nextAttemptAt: time.nullable(),
  deadline: time.nullable().describe('when it is archived at the latest'),
  entryId: z.string().nullable(),
  flags: z.array(z.string()),
  purgeRawAt: time.nullable().describe('when a skipped message gives its bytes up'),
  rawPurgedAt: time.nullable().describe('when it did; it can be neither read nor released since'),
});

export const bulkReleaseSchema = z.object({
  released: count,
  remaining: count.describe('that fit and can be released still, counted up to 10000'),
});

export const intakeDetailSchema = intakeItemSchema.extend({
  definitionVersion: count.nullable(),
  origin,
  steps: z.array(
    z.object({
      at: time,
      step: z.string(),
      detail: z.string().nullable().describe('of a failed step not shown to the role operator'),
    }),
  ),
  clock: z
    .object({
      messageTime: time.describe('the time that was compared'),
      date: time.nullable(),
      reportSent: time.nullable(),
      oldestReceived: time.nullable(),
      newestReceived: time.nullable(),
      outerDate: time.nullable(),
    })
    .nullable()
    .describe('of a held message: the times by which its age was judged'),
  transport: z.object({
    kind: z.enum(['smtp', 'pop3', 'import']),
    peer: z.string().nullable(),
    tls: z.string().nullable(),
    authenticatedAs: z.string().nullable(),
    uidl: z.string().nullable(),
    importedAs: z.enum(['journal', 'gateway']).optional(),
    mailFrom: z.string().nullable().optional().describe('not shown to the role operator'),
    rcptTo: z.array(z.string()).optional().describe('not shown to the role operator'),
  }),
});

/** The conservation account; `difference` is `received` less all the others but `definition` and `day`. */
export const ledgerSchema = z.object({
  definition: z.string().nullable().describe('null for all'),
  day: z.string().nullable().describe('UTC day of receipt; null for all time'),
  received: count,
  archived: count,
  matched: count,
  skipped: count,
  held: count,
  quarantined: count,
  inProcess: count,
  difference: z.int(),
});

/** One line of the event log (section 7). */
export const eventSchema = z.object({
  seq: count,
  at: time,
  type: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  actor: z.string().nullable().describe('null for a denied request without a known token'),
  definition: z.string().nullable(),
  intakeId: z.string().nullable(),
  entryId: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

export type LedgerAnswer = Read<z.infer<typeof ledgerSchema>>;
export type IntakeItem = Read<z.infer<typeof intakeItemSchema>>;
export type IntakeDetail = Read<z.infer<typeof intakeDetailSchema>>;
export type EventItem = Read<z.infer<typeof eventSchema>>;
