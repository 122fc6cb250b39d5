import type { z } from 'zod';
import { unroutedDefinitionSchema } from './definition.schema.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { nearestKey } from './nearest-key.ts';
import { declaredBy, keysOf, mapAt, schemaAt, valueAt } from './schema-walk.ts';

export type Checked<T> =
  | { readonly ok: true; readonly value: T; readonly issues: readonly [] }
  | { readonly ok: false; readonly issues: readonly z.core.$ZodIssue[] };

/** Checks a document against a schema. Definitions of no known transport are checked for their other faults too. */
export function checkDocument<T extends z.ZodType>(schema: T, document: unknown): Checked<z.output<T>> {
  const result = schema.safeParse(document);
  if (result.success) return { ok: true, value: result.data, issues: [] };
  return { ok: false, issues: result.error.issues.flatMap((issue) => [issue, ...withoutTransport(issue, document)]) };
}

/** Says each issue of `document` the way an operator can act on it; sources of values are the caller's business. */
export function describeIssues(
  schema: z.ZodType,
  document: unknown,
  issues: readonly z.core.$ZodIssue[],
): readonly DocumentFault[] {
  return issues.flatMap((issue) => describe(schema, document, issue));
}

function describe(schema: z.ZodType, document: unknown, issue: z.core.$ZodIssue): readonly DocumentFault[] {
  const path = issue.path as FaultPath;
  if (issue.code === 'unrecognized_keys') {
    const owner = mapAt(schema, path, document);
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key',
      text: unknownKey(key, owner, valueAt(document, path)),
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const within = issue.errors.find((branch) => branch.every((each) => each.path.length > 0));
    if (within !== undefined) {
      return within.flatMap((each) => describe(schema, document, { ...each, path: [...issue.path, ...each.path] }));
    }
  }
  const value = valueAt(document, path);
  const ruling = schemaAt(schema, path, document);
  const expected = (ruling === undefined ? undefined : declaredBy(ruling).expected) ?? expectedShape(ruling);
  return [
    { path, at: value === undefined ? 'missing' : 'value', text: `${wrongWith(issue, value)}; expected ${expected}` },
  ];
}

/** What is wrong, without the value itself: it may be a secret in the wrong place. */
function wrongWith(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is empty';
  if (issue.code === 'custom') return issue.message;
  if (issue.code === 'too_big') return Array.isArray(value) ? 'has too many items' : 'is too large';
  if (issue.code === 'too_small') return 'is too small';
  if (issue.code === 'invalid_value' || (issue.code === 'invalid_union' && typeof value === 'string'))
    return 'is not allowed';
  return `is ${kindOf(value)}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return 'true or false (text of that kind needs quotes)';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number (text of digits needs quotes)' : 'a number';
  return 'text';
}

function expectedShape(schema: z.core.$ZodType | undefined): string {
  const keys = schema === undefined ? undefined : keysOf(schema);
  return keys === undefined ? 'another value' : `a map with ${Object.keys(keys).join(', ')}`;
}

function unknownKey(key: string, owner: z.core.$ZodType | undefined, holder: unknown): string {
  const transport = valueAt(holder, ['transport']);
  if (transport !== undefined && Object.hasOwn(keysOf(unroutedDefinitionSchema) ?? {}, key)) {
    // Only a transport that there is: what else stands there may be anything, a secret behind a lost quote among it.
    const named = transport === 'smtp' || transport === 'pop3' ? `has transport ${transport}, which` : 'has one that';
    return `belongs to the other transport; this definition ${named} has no ${key}`;
  }
  const known = Object.keys((owner === undefined ? undefined : keysOf(owner)) ?? {});
  const nearest = nearestKey(key, known);
  const hint = nearest === undefined ? '' : `; the nearest known key is ${nearest}`;
  return `unknown key${hint}; allowed: ${known.join(', ')}`;
}

/** The issues behind "no such transport", which hides them. */
function withoutTransport(issue: z.core.$ZodIssue, document: unknown): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length > 0 || issue.path.at(-1) !== 'transport') return [];
  const base = issue.path.slice(0, -1);
  const result = unroutedDefinitionSchema.safeParse(valueAt(document, base as FaultPath));
  const issues = result.success ? [] : result.error.issues;
  return issues
    .filter((each) => each.path[0] !== 'transport')
    .map((each) => ({ ...each, path: [...base, ...each.path] }));
}
