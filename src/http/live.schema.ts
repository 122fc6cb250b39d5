import { z } from 'zod';
import { count, type Read, time } from './words.schema.ts';

/** Answers that the console draws from; any other client may too. */

const minutes = z.array(count).describe('one for each minute, the oldest first; the last is the minute under way');
export const historySchema = z.object({
  from: time.describe('when the first minute begins'),
  watchedSince: time.describe('nothing is known from before the engine started'),
  items: z
    .array(
      z.object({
        definition: z.string(),
        received: minutes,
        archived: minutes,
        matched: minutes,
        setAside: minutes.describe('skipped, held and quarantined'),
      }),
    )
    .describe('definitions without mail in the hour are left out'),
});
export type History = Read<z.infer<typeof historySchema>>;

export const statechartSchema = z.object({
  nodes: z
    .array(
      z.object({
        id: z.string().describe('the keys from the top, joined by `_`'),
        parent: z.string().nullable(),
        key: z.string(),
        kind: z.enum(['state', 'nested', 'parallel', 'final']),
        initial: z.boolean(),
        runs: z.array(z.string()),
      }),
    )
    .describe('outer states before what is in them'),
  edges: z.array(z.object({ from: z.string(), to: z.string(), label: z.string(), stays: z.boolean() })),
});
export type Statechart = Read<z.infer<typeof statechartSchema>>;

export const definitionFormSchema = z.object({
  schema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the document, as PUT takes it'),
  sections: z.array(
    z.object({
      title: z.string(),
      fields: z.array(z.string()).describe('paths in the document, in the order of the form'),
    }),
  ),
});
export type DefinitionForm = Read<z.infer<typeof definitionFormSchema>>;
