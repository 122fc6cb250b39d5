import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { type Answer, call, Fault, type FieldFault, pathOf, read, withQuery } from '../../api.ts';
import { asFault } from '../../load.ts';
import type { DefinitionForm, DefinitionView } from '../../wire.types.ts';
import {
  type Difference,
  type Draft,
  differencesOf,
  documentOf,
  draftOf,
  emptyDraft,
  fieldAt,
  rebased,
} from './form-model.ts';

/** A definition being edited. */
export interface Editing {
  readonly form: DefinitionForm;
  /** As it is saved; null for one that is not yet. */
  readonly saved: Signal<{ readonly view: DefinitionView; readonly draft: Draft; readonly etag: string | null } | null>;
  readonly draft: Signal<Draft>;
  readonly differences: ReadonlySignal<readonly Difference[]>;
  /** By field; what belongs to none stands under the empty path. */
  readonly faults: Signal<ReadonlyMap<string, readonly string[]>>;
  /** Why it could not be saved, where that is no matter of a field. */
  readonly fault: Signal<Fault | null>;
  readonly busy: Signal<boolean>;
  /** True when it is saved; else the faults say why not. */
  save(reason: string): Promise<boolean>;
  /** Reads what is saved anew, and keeps what was changed here. @throws Fault */
  readAgain(): Promise<void>;
}

export interface Opened {
  readonly form: DefinitionForm;
  readonly answer: Answer<DefinitionView> | null;
}

/** Reads a definition and its form; `id` null for a new one. @throws Fault */
export async function openDefinition(id: string | null, aborted: AbortSignal): Promise<Opened> {
  const [form, answer] = await Promise.all([
    read<DefinitionForm>('/v1/definition-form', aborted),
    id === null ? null : call<DefinitionView>(pathOf('definitions', id), { signal: aborted }),
  ]);
  return { form, answer };
}

export function createEditing({ form, answer }: Opened): Editing {
  const savedOf = ({ body: view, etag }: Answer<DefinitionView>) => ({ view, draft: draftOf(form, { ...view }), etag });
  const saved: Editing['saved'] = signal(answer === null ? null : savedOf(answer));
  const draft = signal<Draft>(saved.value?.draft ?? emptyDraft(form, 'smtp'));
  const faults: Editing['faults'] = signal(new Map());
  const fault: Editing['fault'] = signal(null);
  const busy = signal(false);
  const save = async (reason: string): Promise<boolean> => {
    if (busy.peek()) return false;
    busy.value = true;
    [fault.value, faults.value] = [null, new Map()];
    const id = saved.value?.view.id ?? String(draft.value['id'] ?? '');
    try {
      const answered = await call<DefinitionView>(withQuery(pathOf('definitions', id), { reason }), {
        method: 'PUT',
        body: documentOf(form, draft.value),
        ifMatch: saved.value?.etag ?? null,
      });
      saved.value = savedOf(answered);
      draft.value = saved.value.draft;
      return true;
    } catch (error) {
      const refused = asFault(error);
      if (refused.fields.length > 0) faults.value = byField(form, refused.fields);
      else fault.value = explained(refused, saved.value === null);
      return false;
    } finally {
      busy.value = false;
    }
  };
  const readAgain = async (): Promise<void> => {
    const before = saved.value;
    if (before === null) return;
    const now = savedOf(await call<DefinitionView>(pathOf('definitions', before.view.id)));
    draft.value = rebased(form, { base: before.draft, mine: draft.value, theirs: now.draft });
    saved.value = now;
    fault.value = null;
  };
  const differences = computed(() => differencesOf(form, saved.value?.draft ?? null, draft.value));
  return { form, saved, draft, differences, faults, fault, busy, save, readAgain };
}

function byField(form: DefinitionForm, fields: readonly FieldFault[]): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, string[]>();
  for (const { path, message } of fields) {
    const field = fieldAt(form, path) ?? '';
    const line = /[[.](\d+)\]?$/.exec(path)?.[1];
    const where = field === '' ? `${path}: ` : line === undefined ? '' : `Line ${Number(line) + 1}: `;
    map.set(field, [...(map.get(field) ?? []), `${where}${message}`]);
  }
  return map;
}

/** A version that does not fit means two things, and neither is a matter of headers to a person. */
function explained(fault: Fault, isNew: boolean): Fault {
  if (fault.slug === 'version-outdated') {
    const text =
      'Somebody else has changed this definition since you opened it. Read it again: your own changes are kept.';
    return new Fault(text, fault);
  }
  if (fault.slug === 'version-required' && isNew) return asFault('There is a definition with this id already.');
  return fault;
}
