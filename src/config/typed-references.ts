import type { z } from 'zod';
import { type FaultPath, pathText } from './fault.ts';
import type { Resolved } from './references.ts';
import { valueAt } from './schema-walk.ts';

/**
 * The document of {@link Resolved}, with referenced text made a number or a boolean where the schema wants one:
 * `port: ${env:PORT}` is text in the file. Text that is written out stays text.
 */
export function withTypedReferences(schema: z.ZodType, { document, referenced }: Resolved): unknown {
  if (referenced.size === 0) return document;
  const result = schema.safeParse(document);
  if (result.success) return document;
  const copy = structuredClone(document);
  for (const issue of result.error.issues) {
    const path = issue.path as FaultPath;
    if (issue.code !== 'invalid_type' || !referenced.has(pathText(path))) continue;
    const holder = valueAt(copy, path.slice(0, -1)) as Record<string | number, unknown>;
    const last = path.at(-1) ?? '';
    holder[last] = typedText(String(holder[last]), issue.expected);
  }
  return copy;
}

function typedText(text: string, expected: string): unknown {
  if (expected === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const wantsNumber = expected === 'number' || expected === 'int';
  return wantsNumber && /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;
}
