import type { DefinitionForm, DefinitionView } from '../../wire.types.ts';

/** One option, as the schema has it. */
export interface Property {
  readonly title?: string;
  readonly description?: string;
  /** What is allowed, in words. */
  readonly expected?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly default?: unknown;
  readonly writeOnly?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
}

export type Transport = DefinitionView['transport'];
/** What a field holds while it is edited: a list is text with one a line, a number is its digits. */
export type FieldValue = string | boolean;
/** By path (`pop3.host`). */
export type Draft = Readonly<Record<string, FieldValue>>;
export type Document = Readonly<Record<string, unknown>>;

/** How a secret reads; written back, it leaves the secret as it is. */
export const mask = '********';

/** The branch of the schema for a transport. */
export function branchOf(form: DefinitionForm, transport: Transport): Property {
  const branches = (form.schema['oneOf'] ?? []) as readonly Property[];
  const found = branches.find(({ properties }) => properties?.['transport']?.const === transport);
  if (found === undefined) throw new Error(`the schema knows no transport ${transport}`);
  return found;
}

/** The option at a path, or undefined where this transport has none. */
export function propertyAt(branch: Property, path: string): Property | undefined {
  return path.split('.').reduce<Property | undefined>((at, key) => at?.properties?.[key], branch);
}

export function isRequired(branch: Property, path: string): boolean {
  const dot = path.lastIndexOf('.');
  const parent = dot < 0 ? branch : propertyAt(branch, path.slice(0, dot));
  return parent?.required?.includes(path.slice(dot + 1)) ?? false;
}

/** Every field a document has or may have, as text to edit; an option that it lacks has its default. */
export function draftOf(form: DefinitionForm, document: Document): Draft {
  const branch = branchOf(form, document['transport'] as Transport);
  const pairs = fieldsOf(form).flatMap((path): [string, FieldValue][] => {
    const property = propertyAt(branch, path);
    if (property === undefined) return [];
    return [[path, fieldValue(property, valueAt(document, path) ?? property.default)]];
  });
  return Object.fromEntries(pairs);
}

/** A new definition, before anything is said about it. */
export function emptyDraft(form: DefinitionForm, transport: Transport): Draft {
  return draftOf(form, { transport });
}

/** The same draft with another transport: what both have stays, the rest has its defaults. */
export function withTransport(form: DefinitionForm, draft: Draft, transport: Transport): Draft {
  const fresh = emptyDraft(form, transport);
  const kept = Object.entries(draft).filter(([path]) => path in fresh && path !== 'transport');
  return { ...fresh, ...Object.fromEntries(kept), transport };
}

/** A field with another value. The port follows the encryption where it is the one that goes with it (journaling a.2). */
export function withValue(draft: Draft, path: string, value: FieldValue): Draft {
  const changed = { ...draft, [path]: value };
  const [followed, follows] = value === true ? ['110', '995'] : ['995', '110'];
  return path === 'pop3.encrypted' && draft['pop3.port'] === followed ? { ...changed, 'pop3.port': follows } : changed;
}

/** Options that say nothing while another one is off (journaling a.2). */
const needs: Readonly<Record<string, string>> = {
  'smtp.password': 'smtp.useSmtpAuthentication',
  'pop3.encryptionMode': 'pop3.encrypted',
  'pop3.certificatePin': 'pop3.encrypted',
};

/** What has to be on before this field does anything; undefined where it does. */
export function lackOf(draft: Draft, path: string): string | undefined {
  const need = needs[path];
  return need !== undefined && draft[need] === false ? need : undefined;
}

/** The document to send: what is empty or as its default says is left out, a number or a list is one again. */
export function documentOf(form: DefinitionForm, draft: Draft): Document {
  const branch = branchOf(form, draft['transport'] as Transport);
  const document: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(draft)) {
    const property = propertyAt(branch, path);
    if (property === undefined || value === '') continue;
    if (value === fieldValue(property, property.default) && !isRequired(branch, path)) continue;
    put(document, path, written(property, value));
  }
  return document;
}

/** One option that is another than before. Undefined: it was or is not there. */
export interface Difference {
  readonly path: string;
  readonly title: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What saving would change, in the order of the form; a secret never shows. */
export function differencesOf(form: DefinitionForm, before: Draft | null, after: Draft): readonly Difference[] {
  const branch = branchOf(form, after['transport'] as Transport);
  const old = before === null ? emptyDraft(form, after['transport'] as Transport) : before;
  const oldBranch = before === null ? branch : branchOf(form, before['transport'] as Transport);
  return fieldsOf(form).flatMap((path): Difference[] => {
    const property = propertyAt(branch, path) ?? propertyAt(oldBranch, path);
    const [was, is] = [before === null && path === 'transport' ? undefined : old[path], after[path]];
    if (property === undefined || was === is) return [];
    return [{ path, title: property.title ?? path, before: shown(property, was), after: shown(property, is) }];
  });
}

/** My changes over what somebody else has made of it meanwhile. */
export function rebased(
  form: DefinitionForm,
  { base, mine, theirs }: { readonly base: Draft; readonly mine: Draft; readonly theirs: Draft },
): Draft {
  if (mine['transport'] !== theirs['transport'])
    return withTransport(form, { ...theirs, ...mine }, mine['transport'] as Transport);
  const changed = Object.entries(mine).filter(([path, value]) => value !== base[path]);
  return { ...theirs, ...Object.fromEntries(changed) };
}

/** The field that a fault is at: `smtp.additionalSourceIpRanges.1` and `…[1]` are at the list. */
export function fieldAt(form: DefinitionForm, path: string): string | undefined {
  return fieldsOf(form).find((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`));
}

function fieldsOf({ sections }: DefinitionForm): readonly string[] {
  return sections.flatMap(({ fields }) => fields);
}

/** A field holds digits alone where its name says the unit, as the guide's does of one; another unit is written with it. */
export const isInMinutes = ({ title }: Property): boolean => title?.endsWith('(Mins)') === true;

/** What a field shows for a value of the document. */
export function fieldValue(property: Property, value: unknown): FieldValue {
  if (property.type === 'boolean') return value === true;
  if (isInMinutes(property) && typeof value === 'string') return wholeMinutes(value) ?? value;
  if (Array.isArray(value)) return value.join('\n');
  if (value === undefined || value === null) return property.const ?? '';
  return String(value);
}

const minutesIn: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1_440 };
function wholeMinutes(duration: string): string | undefined {
  const [, count, unit = ''] = /^(\d+)([mhd])$/.exec(duration) ?? [];
  return count === undefined ? undefined : String(Number(count) * (minutesIn[unit] ?? 1));
}

function written(property: Property, value: FieldValue): unknown {
  if (typeof value === 'boolean') return value;
  if (isInMinutes(property) && /^\d+$/.test(value.trim())) return `${value.trim()}m`;
  if (property.type === 'array')
    return value
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  // What is no number goes as it is: the engine says what is wrong with it.
  if (property.type === 'integer') return /^-?\d+$/.test(value.trim()) ? Number(value) : value;
  return value;
}

function shown({ writeOnly, type }: Property, value: FieldValue | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (writeOnly === true) return mask;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return type === 'array' ? value.split('\n').join(', ') : value;
}

function valueAt(document: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
}

function put(document: Record<string, unknown>, path: string, value: unknown): void {
  const [key = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    document[key] = value;
    return;
  }
  const below = (document[key] ?? {}) as Record<string, unknown>;
  document[key] = below;
  put(below, rest.join('.'), value);
}
