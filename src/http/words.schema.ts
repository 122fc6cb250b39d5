import { z } from 'zod';
import { inProcessStates, outcomes } from '../../streams/message.ts';

/** Words and small shapes that several answers share. */

export const intakeStates = [...inProcessStates, ...outcomes] as const;
export const count = z.int().min(0);
/** UTC time, ISO 8601. */
export const time = z.iso.datetime().meta({ pattern: undefined });
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const origin = z.enum(['journal', 'gateway', 'import']);
export const level = z.enum(['L0', 'L1', 'L2', 'L3', 'L4', 'L5']);
export const family = z.enum(['ms2007', 'ms2003', 'workmail', 'heuristic']);
export const recipientType = z.enum(['to', 'cc', 'bcc', 'recipient', 'undisclosed']);
export const recipientSource = z.enum(['envelope', 'header', 'harvest', 'trace', 'unverified']);

/** A list as every route answers it, newest first; `next` is the cursor of the next page. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Read-only all the way down: answers are built by others and only serialised here. */
export type Read<T> = T extends readonly (infer U)[]
  ? readonly Read<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Read<T[K]> }
    : T;
