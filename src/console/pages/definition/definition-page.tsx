import { useComputed, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useLoad } from '../../load.ts';
import { Button, Submit } from '../../parts/button.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { FaultNote, Note, WhenLoaded } from '../../parts/states.tsx';
import { go, guardLeaving } from '../../router.ts';
import { may, who } from '../../session.ts';
import { readStatus } from '../../stream.ts';
import { counted } from '../../words.ts';
import { DifferenceDialog } from './difference.tsx';
import { createEditing, type Editing, type Opened, openDefinition } from './editing.ts';
import { Field, idOf } from './field.tsx';
import {
  branchOf,
  documentOf,
  type FieldValue,
  isRequired,
  lackOf,
  propertyAt,
  type Transport,
  withTransport,
  withValue,
} from './form-model.ts';
import { ServiceStatus } from './service-status.tsx';
import { TransportField } from './transport-field.tsx';
import { useUnsavedGuard } from './unsaved-guard.ts';

const listing = '/journaling';
const formId = 'definition-form';

/** One journal service definition, or a new one: the guide's form, in its words and order. */
export function DefinitionPage({ id }: { readonly id: string | null }) {
  const { loaded, again } = useLoad((aborted) => openDefinition(id, aborted));
  const { value } = loaded.value;
  const title = id === null ? 'New Journal Service Definition' : (value?.answer?.body.description ?? id);
  const links = (
    <>
      {id !== null && <a href={`/live/${encodeURIComponent(id)}`}>Live</a>}
      <a href={listing}>All definitions</a>
    </>
  );
  return (
    <PageFrame title={title} actions={links}>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(opened) => <Form key={id ?? ''} opened={opened} />}
      </WhenLoaded>
    </PageFrame>
  );
}

function Form({ opened }: { readonly opened: Opened }) {
  const editing = useMemo(() => createEditing(opened), [opened]);
  const { saved, differences, busy } = editing;
  const asking = useSignal(false);
  const readOnly = useComputed(() => !may('change') || saved.value?.view.provisioned === true);
  useUnsavedGuard(() => differences.value.length > 0 && !readOnly.value && !busy.value);
  const exit = (): void => {
    guardLeaving(undefined);
    readStatus().catch(() => undefined);
    go(listing);
  };
  const save = async (reason: string): Promise<void> => {
    const done = await editing.save(reason);
    if (done) exit();
    else if (editing.faults.value.size > 0 || editing.fault.value?.slug === 'version-outdated') {
      asking.value = false;
      focusFirst(editing);
    }
  };
  const ask = (event: Event): void => {
    event.preventDefault();
    if (differences.value.length === 0) exit();
    else asking.value = true;
  };
  return (
    <div class="definition">
      <WhyReadOnly editing={editing} />
      <Conflict editing={editing} />
      <FaultSummary editing={editing} />
      <form id={formId} noValidate onSubmit={ask}>
        {editing.form.sections.map(({ title, fields }) => (
          <fieldset key={title} disabled={readOnly.value}>
            <legend>{title}</legend>
            {fields.map((path) => (
              <OneField key={path} path={path} editing={editing} disabled={readOnly.value} />
            ))}
          </fieldset>
        ))}
      </form>
      {saved.value !== null && <ServiceStatus id={saved.value.view.id} editing={editing} />}
      {!readOnly.value && <SaveBar editing={editing} />}
      {asking.value && (
        <DifferenceDialog
          id={saved.value?.view.id ?? null}
          document={documentOf(editing.form, editing.draft.value)}
          differences={differences.value}
          fault={editing.fault.value}
          busy={busy.value}
          onSave={(reason) => void save(reason)}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </div>
  );
}

/** The button is beside the form, not in it: the service's own buttons stand between. */
function SaveBar({ editing: { differences, busy } }: { readonly editing: Editing }) {
  const { length } = differences.value;
  return (
    <div class="buttons sticky">
      <Submit form={formId} off={busy.value}>
        Save and Exit
      </Submit>
      <a class="button" href={listing}>
        Cancel
      </a>
      <span class="soft" role="status">
        {length === 0 ? 'Nothing has been changed.' : `${counted(length, 'option')} changed`}
      </span>
    </div>
  );
}

/** A field is shown where the transport has it; the id of what is made stays for good. */
function OneField({
  path,
  editing,
  disabled,
}: {
  readonly path: string;
  readonly editing: Editing;
  readonly disabled: boolean;
}) {
  const { form, draft, saved, faults } = editing;
  const branch = branchOf(form, draft.value['transport'] as Transport);
  const property = propertyAt(branch, path);
  if (property === undefined) return null;
  const isMade = saved.value !== null;
  const lack = lackOf(draft.value, path);
  if (path === 'transport') {
    return (
      <TransportField
        form={form}
        value={draft.value['transport'] as Transport}
        faults={faults.value.get(path) ?? []}
        disabled={disabled}
        held={isMade && saved.value?.view.suspended === false}
        onChange={(transport) => {
          draft.value = withTransport(form, draft.value, transport);
        }}
      />
    );
  }
  return (
    <Field
      path={path}
      property={property}
      required={isRequired(branch, path)}
      value={draft.value[path] as FieldValue}
      saved={saved.value?.draft[path]}
      faults={faults.value.get(path) ?? []}
      disabled={disabled || (path === 'id' && isMade)}
      lacks={lack === undefined ? undefined : propertyAt(branch, lack)?.title}
      onChange={(value) => {
        draft.value = withValue(draft.value, path, value);
      }}
    />
  );
}

function WhyReadOnly({ editing }: { readonly editing: Editing }) {
  if (editing.saved.value?.view.provisioned === true) {
    return (
      <Note>
        <p>
          This definition is provisioned: it comes from the configuration file, which is its truth. Change it there and
          send the engine SIGHUP. Suspend and activate work here.
        </p>
      </Note>
    );
  }
  if (may('change')) return null;
  return (
    <Note>
      <p>The role {who.value?.role} may look at definitions, and change none.</p>
    </Note>
  );
}

/** Two people at one definition: the later one is told, and loses nothing. */
function Conflict({ editing }: { readonly editing: Editing }) {
  const fault = editing.fault.value;
  if (fault === null) return null;
  if (fault.slug !== 'version-outdated') return <FaultNote fault={fault} />;
  return (
    <div class="note warn" role="alert">
      <p>{fault.message}</p>
      <Button onClick={() => void editing.readAgain().catch(() => undefined)}>Read it again</Button>
    </div>
  );
}

/** All faults in one place, each a link to its field. */
function FaultSummary({ editing }: { readonly editing: Editing }) {
  const { faults, form, draft } = editing;
  if (faults.value.size === 0) return null;
  const branch = branchOf(form, draft.value['transport'] as Transport);
  return (
    <div class="note bad" role="alert">
      <p>It was not saved. {faults.value.size === 1 ? 'One field is' : `${faults.value.size} fields are`} not right:</p>
      <ul>
        {[...faults.value].map(([path, texts]) => (
          <li key={path}>
            {path === '' ? (
              texts.join('; ')
            ) : (
              <>
                <a
                  href={`#${idOf(path)}`}
                  onClick={(event) => {
                    event.preventDefault();
                    document.getElementById(idOf(path))?.focus();
                  }}
                >
                  {propertyAt(branch, path)?.title ?? path}
                </a>
                : {texts.join('; ')}
              </>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function focusFirst({ faults }: Editing): void {
  const [first] = [...faults.value.keys()].filter((path) => path !== '');
  if (first !== undefined) requestAnimationFrame(() => document.getElementById(idOf(first))?.focus());
}
