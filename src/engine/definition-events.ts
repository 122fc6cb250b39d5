import type { EventDraft } from '../../streams/ports.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { type DefinitionDocument, definitionDocument } from '../config/document.ts';
import type { DefinitionRow } from '../store/rows.ts';
import type { DefinitionOrigin } from './definition-book.types.ts';
import { isProvisioned, viewOf } from './stored-definition.ts';

/** A line of the event log about one definition. */
export const definitionEvent = (
  type: string,
  definitionId: string,
  actor: string,
  data: Readonly<Record<string, unknown>>,
): EventDraft => ({ type, severity: 'info', actor, definitionId, intakeId: null, entryId: null, data });

/** A line of the event log about the engine as a whole. */
export const engineEvent = (type: string, data: Readonly<Record<string, unknown>>): EventDraft => ({
  type,
  severity: 'info',
  actor: 'engine',
  definitionId: null,
  intakeId: null,
  entryId: null,
  data,
});

/** What is about to be written of a definition, over what stands of it. */
export interface Defining extends DefinitionOrigin {
  readonly config: DefinitionConfig;
  /** Null: nothing stands. */
  readonly row: DefinitionRow | null;
  /** Where that is known: at the start it is not. */
  readonly secretChanged: boolean;
}

/** How many options are others than before, and the event that says so (journaling d.2, T1, T11, T12). */
export function definingEvent({ config, row, provisioned, actor, reason = null, secretChanged }: Defining) {
  const view = definitionDocument(config);
  const said = reason === null ? {} : { reason };
  if (row === null) {
    const event = (version: number): EventDraft =>
      definitionEvent('definition.created', config.id, actor, { version, old: null, new: view, provisioned, ...said });
    return { differing: 0, event };
  }
  const changes = differences(viewOf(row), view);
  const differing = Object.keys(changes.new).length;
  // A new secret reads as its mask before and after.
  const onlySecret = differing === 0 && isProvisioned(row) === provisioned;
  const type = onlySecret ? 'secret.changed' : typeOf(changes.new, row.suspension?.suspended ?? row.suspended);
  const data = { ...changes, provisioned, secretChanged: secretChanged || onlySecret, ...said };
  const event = (version: number): EventDraft => definitionEvent(type, config.id, actor, { version, ...data });
  return { differing, event };
}

/** What went (journaling d.2, T13), so that the log alone tells how it was. */
export function deletedEvent(
  definitionId: string,
  row: DefinitionRow | undefined,
  { actor, provisioned, reason = null }: DefinitionOrigin,
): EventDraft {
  const old = row === undefined ? null : viewOf(row);
  return definitionEvent('definition.deleted', definitionId, actor, { old, new: null, provisioned, reason });
}

/** A suspension alone is an event of its own (journaling d.2, T2 and T3), unless an operator had said the same before. */
function typeOf(changed: Readonly<Record<string, unknown>>, suspended: boolean): string {
  const [only, ...others] = Object.keys(changed);
  if (only !== 'suspended' || others.length > 0 || changed['suspended'] === suspended) return 'definition.changed';
  return changed['suspended'] === true ? 'definition.suspended' : 'definition.enabled';
}

/** Old and new value of each option that differs, by dotted path; secrets as their mask. */
function differences(before: DefinitionDocument, after: DefinitionDocument) {
  const [was, is] = [flat(before), flat(after)];
  const changed = [...new Set([...was.keys(), ...is.keys()])].filter(
    (path) => JSON.stringify(was.get(path)) !== JSON.stringify(is.get(path)),
  );
  const of = (values: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> =>
    Object.fromEntries(changed.map((path) => [path, values.get(path) ?? null]));
  return { old: of(was), new: of(is) };
}

function flat(document: DefinitionDocument): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(document)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) values.set(key, value);
    else for (const [inner, each] of Object.entries(value)) values.set(`${key}.${inner}`, each);
  }
  return values;
}
