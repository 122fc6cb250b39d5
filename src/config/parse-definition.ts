import { addressKey } from '../../streams/address-key.ts';
import { checkDocument, describeIssues } from './check-document.ts';
import { type DefinitionConfig, definitionSchema } from './definition.schema.ts';
import { definitionRules, openRanges } from './definition-rules.ts';
import { descriptionKey } from './engine-rules.ts';
import { type DocumentFault, pathText } from './fault.ts';
import { hasReference } from './references.ts';
import { valueAt } from './schema-walk.ts';
import { type Secret, secretMask } from './secret.ts';

/** What a definition must agree with. */
export interface DefinitionSurroundings {
  /** Every other definition, provisioned or not. */
  readonly others: readonly DefinitionConfig[];
  /** The same definition before the change: secrets written back as their mask, or empty, keep its values. */
  readonly previous: DefinitionConfig | undefined;
  readonly internalDomains: readonly string[];
  readonly authorizedSources: readonly string[];
}
export type ParsedDefinition =
  | { readonly ok: true; readonly definition: DefinitionConfig }
  | { readonly ok: false; readonly faults: readonly { readonly path: string; readonly text: string }[] };

/**
 * Checks a definition that did not come from the file (the API, the store), by the same schema and rules. References
 * are refused: who may change a definition may not read the engine's files and environment through it.
 */
export function parseDefinition(document: unknown, surroundings: DefinitionSurroundings): ParsedDefinition {
  const whole = withKeptSecrets(document, surroundings.previous);
  const checked = checkDocument(definitionSchema, whole);
  const found = [
    ...describeIssues(definitionSchema, whole, checked.issues),
    ...definitionRules(whole, []),
    ...referenceRules(whole, []),
    ...maskRules(whole),
    ...uniqueAmong(whole, surroundings.others),
    ...engineWide(whole, surroundings),
  ];
  if (checked.ok && found.length === 0) return { ok: true, definition: checked.value };
  const once = new Map(found.map((fault) => [`${pathText(fault.path)} ${fault.text}`, fault]));
  return { ok: false, faults: [...once.values()].map(({ path, text }) => ({ path: pathText(path), text })) };
}

function withKeptSecrets(document: unknown, previous: DefinitionConfig | undefined): unknown {
  if (previous === undefined) return document;
  const held = previous.transport === 'smtp' ? previous.smtp.password : previous.pop3.password;
  const ofTransport = withKept(document, previous.transport, held);
  return withKept(ofTransport, 'canary', previous.canary?.password);
}

function withKept(document: unknown, part: string, held: Secret | undefined): unknown {
  const connection = valueAt(document, [part]);
  const written = valueAt(connection, ['password']);
  if (held === undefined || (written !== secretMask && written !== '')) return document;
  return { ...(document as object), [part]: { ...(connection as object), password: held.reveal() } };
}

/** The mask is what answers show; of a definition that has no password yet there is nothing to keep. */
function maskRules(document: unknown): readonly DocumentFault[] {
  return ['smtp', 'pop3', 'canary']
    .filter((part) => valueAt(document, [part, 'password']) === secretMask)
    .map((part) => ({
      path: [part, 'password'],
      at: 'value',
      text: 'is the mask of a password, and there is none to keep; expected the password itself',
    }));
}

function referenceRules(value: unknown, path: readonly (string | number)[]): readonly DocumentFault[] {
  if (typeof value === 'string') {
    return hasReference(value)
      ? [
          {
            path,
            at: 'value',
            text: 'has a reference; expected the value itself, references are for the configuration file',
          },
        ]
      : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const pairs = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return path.length > 8 ? [] : pairs.flatMap(([key, each]) => referenceRules(each, [...path, key]));
}

function uniqueAmong(document: unknown, others: readonly DefinitionConfig[]): readonly DocumentFault[] {
  const checks = [
    { key: 'id', keyOf: (text: string) => text, of: (other: DefinitionConfig) => other.id },
    { key: 'description', keyOf: descriptionKey, of: (other: DefinitionConfig) => other.description },
    { key: 'serviceEmailAddress', keyOf: addressKey, of: (other: DefinitionConfig) => other.serviceEmailAddress },
  ];
  return checks.flatMap(({ key, keyOf, of }): DocumentFault[] => {
    const text = valueAt(document, [key]);
    if (typeof text !== 'string') return [];
    const same = others.find((other) => keyOf(of(other)) === keyOf(text.trim()));
    return same === undefined
      ? []
      : [{ path: [key], at: 'value', text: `is the same as that of definition ${same.id}; expected a unique one` }];
  });
}

function engineWide(
  document: unknown,
  { internalDomains, authorizedSources }: DefinitionSurroundings,
): readonly DocumentFault[] {
  const faults: DocumentFault[] = [];
  if (internalDomains.length === 0 && valueAt(document, ['suspended']) !== true) {
    faults.push({ path: ['suspended'], at: 'value', text: 'must be true while directory.internalDomains is empty' });
  }
  const withoutAuth =
    valueAt(document, ['transport']) === 'smtp' && valueAt(document, ['smtp', 'useSmtpAuthentication']) !== true;
  if (withoutAuth && openRanges(authorizedSources).length > 0) {
    const text = 'must be true while smtp.authorizedSources admits every address';
    faults.push({ path: ['smtp', 'useSmtpAuthentication'], at: 'value', text });
  }
  return faults;
}
