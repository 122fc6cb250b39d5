import { createHmac } from 'node:crypto';
import type { DefinitionConfig } from './definition.schema.ts';
import { Secret } from './secret.ts';

/** A definition as plain JSON data. */
export type DefinitionDocument = Readonly<Record<string, unknown>>;

/** The definition as the API and the console show it: every default filled in, secrets as `********`. */
export function definitionDocument(definition: DefinitionConfig): DefinitionDocument {
  return plain(definition, (secret) => secret.toJSON()) as DefinitionDocument;
}

/**
 * The definition with its secrets in clear, fit for `parseDefinition` again. Only for a place that encrypts it
 * before it rests (journaling a.2, Password). Never log it.
 */
export function revealedDocument(definition: DefinitionConfig): DefinitionDocument {
  return plain(definition, (secret) => secret.reveal()) as DefinitionDocument;
}

/**
 * Lower-case hex HMAC-SHA-256 over canonical JSON, secrets in clear: equal exactly when the definitions are. Keyed,
 * so that a stored digest is no oracle for a guessed password. Use it to tell whether a definition changed.
 */
export function definitionDigest(definition: DefinitionConfig, key: Uint8Array): string {
  return createHmac('sha256', key)
    .update(canonicalJson(revealedDocument(definition)))
    .digest('hex');
}

/** JSON with keys in code-unit order and no blanks; what RFC 8785 makes of text, integers, booleans, lists and maps. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`).join(',')}}`;
}

function plain(value: unknown, write: (secret: Secret) => string): unknown {
  if (value instanceof Secret) return write(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, write));
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(pairs.map(([name, each]) => [name, plain(each, write)]));
}
