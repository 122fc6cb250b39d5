import { z } from 'zod';
import { outcomes } from '../../streams/message.ts';
import { wordsOf } from '../../streams/words.ts';
import { intakeStates } from './words.schema.ts';

/** Pieces of the strict query schemas: what is not understood is a fault, never a guess. */

export const definitionId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be 1-64 of a-z, 0-9 and -');
/** An intake or entry id as the final SMTP answer gives it (interface section 6). */
export const recordId = z.string().regex(/^[A-Za-z0-9._~-]{1,128}$/, 'must be 1-128 of A-Z, a-z, 0-9 and . _ ~ -');
const cursorOf = (form: RegExp) => z.string().regex(form, 'must be the `next` of an earlier answer').optional();
/** Of the message list: a date, and the id of an entry. */
const messagesCursor = cursorOf(/^\d{15}[.-][A-Za-z0-9._~-]{1,128}$/);
/** The number of an event. */
const eventsCursor = cursorOf(/^\d{16}$/);
/** The id of an intake record, a ULID. */
const intakeCursor = cursorOf(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
/** Longest address: RFC 5321 section 4.5.3.1 with room for directory names. */
const address = z.string().trim().min(1).max(1024);

/** `limit` of every list: 1-500, 100 where absent. The meta says what the text stands for. */
const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'must be a whole number from 1 to 500')
  .transform(Number)
  .pipe(z.number().max(500, 'must be a whole number from 1 to 500'))
  .default(100)
  .meta({ type: 'integer', minimum: 1, maximum: 500, default: 100, pattern: undefined });

export const pageQuery = { limit, cursor: cursorOf(/^[A-Za-z0-9._~-]{1,512}$/) };
export const listQuery = z.strictObject(pageQuery);

const instantForm = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const instantText = 'must be a date (2026-01-31) or a time with its zone (2026-01-31T08:00:00Z)';
const dayMs = 86_400_000;

/** Epoch milliseconds of an ISO 8601 date or time; `end` takes a bare date to its last millisecond (UTC). */
function instant(end: boolean) {
  return z
    .string()
    .transform((text, context) => {
      const [, day = '', time] = instantForm.exec(text) ?? [];
      const at = Date.parse(text);
      if (!isDay(day) || Number.isNaN(at)) {
        context.issues.push({ code: 'custom', message: instantText, input: text });
        return z.NEVER;
      }
      return end && time === undefined ? at + dayMs - 1 : at;
    })
    .meta({ type: 'string', description: `${instantText.replace('must be a', 'A')}, UTC where it has no zone.` });
}

/** V8 reads 2026-02-31 as 3 March; a calendar does not. */
function isDay(day: string): boolean {
  const at = Date.parse(day);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

const since = instant(false);
const until = instant(true);

/** A switch: present without a value, or `true` or `false`. */
const flagSwitch = z
  .enum(['', 'true', 'false', '1', '0'])
  .transform((text) => text !== 'false' && text !== '0')
  .meta({ type: 'boolean', enum: undefined });

/** The filters of a search of the archive; a hold names entries by the same. */
export const messageFilters = {
  definition: definitionId.optional(),
  mailbox: address.optional(),
  from: address.optional(),
  to: address.optional(),
  messageId: z.string().trim().min(1).max(8_192).optional(),
  subject: z.string().trim().min(1).max(998).optional(),
  since: since.optional(),
  until: until.optional(),
  flag: z.string().min(1).max(128).optional(),
};
/** Words of what a message says, for the list alone: no hold and no export may hang on an index that is behind. */
const text = z
  .string()
  .trim()
  .max(998)
  .refine((words) => wordsOf(words).length > 0, 'must have a letter or a digit in it');
export const messagesQuery = z.strictObject({
  ...messageFilters,
  text: text.optional(),
  limit,
  cursor: messagesCursor,
});
export const exportQuery = z.strictObject({
  ...messageFilters,
  /** One answer holds them all, so there is no most. */
  limit: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'must be a whole number from 1')
    .transform(Number)
    .optional()
    .meta({ type: 'integer', minimum: 1, pattern: undefined }),
  cursor: messagesCursor,
  asOf: until.optional(),
});
export const intakeQuery = z.strictObject({
  definition: definitionId.optional(),
  state: z.enum(intakeStates).optional(),
  reason: z.string().min(1).max(256).optional(),
  flag: z.string().min(1).max(128).optional(),
  since: since.optional(),
  until: until.optional(),
  limit,
  cursor: intakeCursor,
});
/** Which records to release together; `since` and `until` bound the receipt, as in the list. */
export const bulkBody = z.strictObject({
  definition: definitionId.optional(),
  state: z.enum(['held', 'skipped']),
  reason: z.string().min(1).max(256).optional(),
  flag: z.string().min(1).max(128).optional(),
  since: since.optional(),
  until: until.optional(),
  limit: z.int().min(1).max(500).default(500).describe('1-500: a call is bounded'),
});
/** Stored messages that are parsed again; `since` and `until` bound the receipt, as in the list. */
export const reparseBody = z
  .strictObject({
    definition: definitionId.optional(),
    state: z.enum(outcomes).optional(),
    reason: z.string().min(1).max(256).optional(),
    flag: z.string().min(1).max(128).optional(),
    since: since.optional(),
    until: until.optional(),
    limit: z.int().min(1).max(500).default(100).describe('1-500: a call is bounded'),
    cursor: intakeCursor,
  })
  .nullish();
export const dryRunQuery = z.strictObject({
  last: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'must be a whole number from 1 to 1000')
    .transform(Number)
    .pipe(z.number().max(1_000, 'must be a whole number from 1 to 1000'))
    .default(100)
    .meta({ type: 'integer', minimum: 1, maximum: 1_000, default: 100, pattern: undefined }),
});
export const eventsQuery = z.strictObject({
  definition: definitionId.optional(),
  type: z.string().min(1).max(128).optional(),
  since: since.optional(),
  limit,
  cursor: eventsCursor,
});
export const ledgerQuery = z.strictObject({
  definition: definitionId.optional(),
  day: z
    .string()
    .refine((day) => /^\d{4}-\d\d-\d\d$/.test(day) && isDay(day), 'must be a day (2026-01-31)')
    .optional(),
});
export const ledgerDaysQuery = z.strictObject({
  definition: definitionId.optional(),
  limit: limit.optional(),
  cursor: z
    .string()
    .refine((day) => /^\d{4}-\d\d-\d\d$/.test(day) && isDay(day), 'must be the `next` of an earlier answer')
    .optional(),
});
/** `whatIf=false` leaves out the other settings, which takes most of the time. */
const whatIf = flagSwitch.optional();
export const explainQuery = z.strictObject({ definition: definitionId.optional(), whatIf });
export const explainIntakeQuery = z.strictObject({ whatIf });
export const healthQuery = z.strictObject({ strict: flagSwitch.optional() });
export const rawQuery = z.strictObject({
  representation: z
    .string()
    .regex(/^\d{1,4}$/, 'must be an index of `representations`, counted from 0')
    .transform(Number)
    .optional()
    .meta({ type: 'integer', minimum: 0, pattern: undefined }),
});
export const noQuery = z.strictObject({});

export const definitionParams = z.strictObject({ id: definitionId });
export const recordParams = z.strictObject({ id: recordId });

const reason = z.string().trim().min(1).max(500).optional();
/** Body of a change that a person makes: empty, or the reason for the event log. */
export const changeBody = z.strictObject({ reason }).nullish();
/** The body of a written definition is its document, so the reason stands beside it. */
export const writeQuery = z.strictObject({ reason });

/** Body of a connection test; `peer` and what follows are for `smtp` definitions. */
export const testBody = z
  .strictObject({
    peer: z.union([z.ipv4(), z.ipv6()]).optional(),
    secure: z.boolean().optional(),
    authenticated: z.boolean().optional(),
  })
  .nullish();
/** A definition's document: the engine checks it by the schema of the configuration. */
export const documentBody = z.record(z.string(), z.unknown()).nullish();
export const removeQuery = z.strictObject({ force: flagSwitch.optional() });
