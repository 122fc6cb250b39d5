import { z } from 'zod';
import { definitionId } from './query.schema.ts';
import { count, sha256 } from './words.schema.ts';

/** What an import asks for: for which definition, and how its mail is read. */
export const importQuery = z.strictObject({
  definition: definitionId,
  as: z.enum(['journal', 'gateway']).default('journal'),
});

/** Names asked for in one request; a name has 200 characters, and a body 256 KB. */
const maxNames = 500;
export const knownBody = z.strictObject({
  names: z
    .array(z.string().regex(/^[0-9a-f]{64}(\.[0-9a-f]{64})?$/, 'must be SHA-256 in hex, or two of them and a dot'))
    .max(maxNames)
    .describe('SHA-256 of the bytes; a dot and the SHA-256 of the envelope line without its end where there is one.'),
});
export const knownSchema = z.object({
  known: z.array(z.boolean()).describe('In the order of the names: imported before, and its bytes still there.'),
  maxMessageBytes: count.describe('A larger message is refused.'),
});

/** Of the longest list of recipients that a report may have. */
const maxRecipients = 20_000;
const path = z.string().max(1024);
/** The first line of a body with an envelope. */
export const envelopeLine = z.tuple([path.nullable(), z.array(path.min(1)).max(maxRecipients)]);

export const importedSchema = z.object({
  id: z.string().describe('Its intake.'),
  size: count,
  sha256,
  known: z.boolean().describe('It was imported before, and nothing was added.'),
});
