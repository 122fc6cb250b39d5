import { z } from 'zod';
import { count, family, level, type Read, recipientType, sha256, time } from './words.schema.ts';

/** Answers of the dry runs: of one message, of a changed definition, of a newer parser. */

const setting = z.union([z.string(), z.number(), z.boolean()]);

/** One thing that would be otherwise; of recipients and mailboxes no values for the role operator. */
export const changeSchema = z.object({
  field: z.string(),
  from: z.unknown().describe('null where it is not there, or not shown to this role'),
  to: z.unknown(),
});

const ruleSchema = z.object({
  rule: z.enum(['detect', 'original', 'readable', 'age', 'scope', 'delay', 'wait', 'match', 'store']),
  verdict: z.enum(['passed', 'stopped', 'applied', 'off', 'found', 'missed']),
  option: z.string().nullable().describe('the option that decides it, as the configuration names it'),
  value: setting.nullable().describe('of that option'),
  detail: z.string(),
});

const matchSchema = z.object({
  entryId: z.string().describe('of an entry that stands, or of a message in process that will be one by then'),
  case: z.enum(['M1', 'M2', 'M3', 'M4', 'M5', 'M6']).describe('M3 and M5 with `joined` false: not the same message'),
  joined: z.boolean(),
  key: z.enum(['message-id', 'content']).describe('what it was found by'),
  differs: z.array(z.enum(['message-id', 'from', 'date', 'content', 'time'])),
  why: z.string(),
});

/** A dry run: what the intake record and its observation would say, and why. */
export const explanationSchema = z.object({
  definition: z.object({ id: z.string(), version: count }).nullable().describe('null for the mail gateway'),
  outcome: z.string().describe('`rejected` or `left` where matching.expiredAction keeps it from being accepted'),
  reason: z.string().nullable(),
  level: level.nullable(),
  family: family.nullable(),
  flags: z.array(z.string()),
  recipients: z
    .array(z.object({ address: z.string(), type: recipientType }))
    .optional()
    .describe('of a stored message not shown to the role operator'),
  entryId: z.string().nullable(),
  takenFor: z.string().describe('what the message was taken for, in a sentence'),
  rules: z.array(ruleSchema).describe('in the order in which they are asked; the last one that stopped it decided'),
  matches: z.array(matchSchema).describe('every entry under its keys: the one it joins first, then near misses'),
  stores: z.object({
    as: z.enum(['entry', 'copy', 'bytes', 'nothing']),
    detail: z.string(),
    representations: z.array(
      z.object({
        sha256,
        size: count,
        clearText: z.boolean(),
        protected: z.boolean(),
        primary: z.boolean(),
        stub: z.boolean().describe('the report itself stands in for a missing original'),
      }),
    ),
    mailboxes: z.array(z.string()).optional().describe('of a stored message not shown to the role operator'),
  }),
  lookUps: z.array(time).describe('when the archive is looked at; a copy that comes sooner wakes it'),
  decidedAt: time.nullable().describe('at the latest'),
  whatIf: z
    .array(z.object({ option: z.string(), from: setting, to: setting, changes: z.array(changeSchema) }))
    .describe('each single option with another value by which something would be otherwise'),
  untried: z.array(z.string()).describe('options left out, since trying the others took too long'),
  recorded: z
    .object({
      state: z.string(),
      reason: z.string().nullable(),
      entryId: z.string().nullable(),
      changes: z.array(changeSchema).describe('from what is recorded to what this parser and these rules say'),
    })
    .nullable()
    .describe('of a stored message; null for one that was posted'),
  steps: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])),
});

const triedItem = {
  id: z.string(),
  receivedAt: time,
  state: z.string().describe('as it is recorded'),
  changes: z.array(changeSchema),
};
const loopAnswer = {
  looked: count.describe('messages tried'),
  changed: count,
  skipped: count.describe('messages whose bytes are gone or damaged, or that were deleted meanwhile'),
  complete: z.boolean().describe('false: the time was up before the last of them'),
};

/** A dry run of a changed definition over what it received last. */
export const dryRunSchema = z.object({
  definition: z.string(),
  options: z.array(z.object({ option: z.string(), from: setting, to: setting })).describe('that differ'),
  ...loopAnswer,
  waits: count.describe('messages that would be decided sooner or later, whatever else changes'),
  items: z
    .array(z.object({ ...triedItem, options: z.array(z.string()).describe('each of which alone changes it') }))
    .describe('of those that change the newest 100'),
});

/** What today's parser would say otherwise of stored messages, and which of them it can repair. */
export const reparseSchema = z.object({
  parser: count.describe('number of the parser in force'),
  ...loopAnswer,
  repairable: count.describe('of those changed: a newer parse of the same message; 0 where they are repaired'),
  repaired: count.describe('of those changed: shown and found as the newer parser says from now on; 0 in a dry run'),
  items: z.array(
    z.object({
      ...triedItem,
      definition: z.string().nullable(),
      entryId: z.string().nullable(),
      parser: count
        .nullable()
        .describe('number of the parser that made what is recorded; 0 from before they had one, null: not archived'),
      repair: z.enum(['possible', 'done', 'no']),
      why: z
        .enum(['not-archived', 'outcome', 'message', 'parser', 'hold', 'changed'])
        .nullable()
        .describe(
          'why not: nothing of it is in the archive; it would have ended otherwise; it would be another message; no newer parser made the difference; it would come off a hold; it is deleted, or told of otherwise meanwhile',
        ),
    }),
  ),
  next: z.string().nullable().describe('cursor of the next page'),
});

export type Explanation = Read<z.infer<typeof explanationSchema>>;
export type DryRun = Read<z.infer<typeof dryRunSchema>>;
export type Reparse = Read<z.infer<typeof reparseSchema>>;
export type Change = Read<z.infer<typeof changeSchema>>;
