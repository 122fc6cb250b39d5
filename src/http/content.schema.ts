import { z } from 'zod';
import { count, type Read } from './words.schema.ts';

/** What a person is shown of a message: text alone, as far as the limits of its reader go. */
export const contentSchema = z.object({
  headers: z.array(z.object({ name: z.string(), value: z.string() })).describe('in their order, lines joined'),
  text: z.string().describe('its plain text, or the text of its HTML'),
  attachments: z.array(
    z.object({ name: z.string().nullable().describe('as sent: no path'), type: z.string(), size: count }),
  ),
  truncated: z.boolean().describe('there is more than is shown'),
  unreadable: z.boolean().describe('its reader gave up: it can be downloaded alone'),
});
export type ShownContent = Read<z.infer<typeof contentSchema>>;
