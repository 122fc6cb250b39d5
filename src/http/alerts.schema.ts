import { z } from 'zod';
import { alertKinds } from '../../streams/alert.ts';
import { definitionId, pageQuery, recordId } from './query.schema.ts';
import { count, type Read, time } from './words.schema.ts';

/** Shapes of alerts. */

const states = ['open', 'acknowledged', 'resolved'] as const;

export const alertSchema = z.object({
  id: z.string(),
  kind: z.enum(alertKinds),
  definition: z.string().nullable().describe('null: the engine as a whole'),
  severity: z.enum(['warning', 'error']),
  state: z.enum(states),
  title: z.string(),
  text: z.string(),
  advice: z.string().nullable().describe('what to do about it'),
  since: time.describe('since when it is wrong'),
  raisedAt: time,
  notices: count.describe('how often somebody was asked to act'),
  lastNoticeAt: time,
  escalatedAt: time.nullable(),
  acknowledgedAt: time.nullable(),
  acknowledgedBy: z.string().nullable(),
  note: z.string().nullable(),
  resolvedAt: time.nullable().describe('when the trouble was last there'),
  knownBy: z.array(z.string()).describe('channels that were told of it as it is now'),
});
export type AlertAnswer = Read<z.infer<typeof alertSchema>>;

export const alertsQuery = z.strictObject({
  definition: definitionId.optional(),
  kind: z.enum(alertKinds).optional(),
  state: z.enum(states).optional(),
  ...pageQuery,
});
export const alertParams = z.strictObject({ id: recordId });
export const acknowledgeBody = z.strictObject({ note: z.string().trim().min(1).max(500).optional() }).nullish();
export const alertTestBody = z.strictObject({ channel: definitionId.optional() }).nullish();
export const alertTestSchema = z.object({
  items: z.array(z.object({ channel: z.string(), ok: z.boolean(), detail: z.string().nullable() })),
  next: z.null(),
});
export type AlertTest = Read<z.infer<typeof alertTestSchema>>['items'][number];
