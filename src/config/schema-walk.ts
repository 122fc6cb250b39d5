import { z } from 'zod';
import { unroutedDefinitionSchema } from './definition.schema.ts';
import type { FaultPath } from './fault.ts';

/** What an option is, once defaults, optionality and transforms are taken off. */
export interface Declared {
  readonly inner: z.core.$ZodType;
  readonly label: string | undefined;
  readonly expected: string | undefined;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** As a document would write it; undefined where there is none. */
  readonly preset: unknown;
  readonly required: boolean;
}

/** Takes the wrappers off a schema and gathers what they say; the outermost word wins. */
export function declaredBy(schema: z.core.$ZodType): Declared {
  let inner = schema;
  const said: Record<string, unknown> = {};
  let preset: unknown;
  let required = true;
  for (;;) {
    Object.assign(said, { ...z.globalRegistry.get(inner), ...said });
    if (inner instanceof z.ZodPrefault) preset ??= inner.def.defaultValue;
    if (inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
      required = false;
      inner = inner.def.innerType;
    } else if (inner instanceof z.ZodPipe) inner = inner.def.in;
    else break;
  }
  return {
    inner,
    preset,
    required,
    label: word(said['label']),
    expected: word(said['expected']),
    title: word(said['title']),
    description: word(said['description']),
  };
}

/** The keys a map may have, with their schemas; undefined when the schema is no map. */
export function keysOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const { inner } = declaredBy(schema);
  return inner instanceof z.ZodObject ? inner.shape : undefined;
}

/** The branches of a schema that is one of several; undefined for any other. */
export function branchesOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] | undefined {
  const { inner } = declaredBy(schema);
  return inner instanceof z.ZodUnion ? inner.options : undefined;
}

/** The schema that rules at `path` of `document`; the document decides between transports on the way. */
export function schemaAt(schema: z.core.$ZodType, path: FaultPath, document: unknown): z.core.$ZodType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  const { inner } = declaredBy(schema);
  if (inner instanceof z.ZodDiscriminatedUnion) return schemaAt(branchFor(inner, document), path, document);
  const child = childOf(inner, step);
  return child === undefined ? undefined : schemaAt(child, rest, valueAt(document, [step]));
}

/** As {@link schemaAt}; at the end the document decides too, so that a map's keys are those of its transport. */
export function mapAt(schema: z.core.$ZodType, path: FaultPath, document: unknown): z.core.$ZodType | undefined {
  const found = schemaAt(schema, path, document);
  const inner = found === undefined ? undefined : declaredBy(found).inner;
  return inner instanceof z.ZodDiscriminatedUnion ? branchFor(inner, valueAt(document, path)) : found;
}

/** The part of a path that the schema knows. What follows may be a value that was read as a key, even a secret. */
export function knownPart(schema: z.core.$ZodType, path: FaultPath, document: unknown): FaultPath {
  let length = path.length;
  while (length > 0 && schemaAt(schema, path.slice(0, length), document) === undefined) length -= 1;
  return path.slice(0, length);
}

/** What `document` has at `path`; undefined where it has nothing. Own properties only. */
export function valueAt(document: unknown, path: FaultPath): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function childOf(inner: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (inner instanceof z.ZodArray && typeof step === 'number') return inner.element;
  if (inner instanceof z.ZodObject) return Object.hasOwn(inner.shape, step) ? inner.shape[step] : undefined;
  if (inner instanceof z.ZodUnion) {
    return inner.options.map((each) => childOf(declaredBy(each).inner, step)).find((each) => each !== undefined);
  }
  return undefined;
}

function branchFor(union: z.ZodDiscriminatedUnion, document: unknown): z.core.$ZodType {
  const transport = valueAt(document, [union.def.discriminator]);
  for (const branch of union.options) {
    const { inner } = declaredBy(keysOf(branch)?.[union.def.discriminator] ?? branch);
    if (inner instanceof z.ZodLiteral && inner.values.has(transport as string)) return branch;
  }
  return unroutedDefinitionSchema;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
