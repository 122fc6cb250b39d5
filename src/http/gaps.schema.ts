import { z } from 'zod';
import { count, type Read, time } from './words.schema.ts';

export const gapsSchema = z.object({
  day: z.string().nullable().describe('UTC, by the date of the messages; null while none was looked at'),
  days: z.array(z.string()).describe('days that were looked at, the newest first; each once, a day after its end'),
  looked: count.describe('messages of which some report names fewer people than the headers'),
  complete: z.boolean().describe('false where there were more than are looked at'),
  definitions: z.array(
    z.object({
      definition: z.string(),
      incomplete: count.describe('messages whose reports together name fewer people than their headers, on that day'),
      lapsed: count.describe('people named three times, in no report of that day, and in one of the month before'),
      never: count.describe('the same, in no report of a month'),
      people: z.array(
        z.object({
          address: z.string(),
          standing: z
            .enum(['lapsed', 'never', 'partly'])
            .describe('`partly`: some report of that day names them, or so many messages had to be left out'),
          lastReportedAt: time.nullable(),
          entries: z.array(z.string()).describe('examples, those that are still incomplete'),
        }),
      ),
      unsure: z.array(z.string()).describe('entries in which somebody is missing, and an alias may be why it seems so'),
    }),
  ),
});
export type GapsAnswer = Read<z.infer<typeof gapsSchema>>;
