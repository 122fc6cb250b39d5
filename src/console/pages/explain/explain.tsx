import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { call, pathOf, read, withQuery } from '../../api.ts';
import { useDoing } from '../../doing.ts';
import { useLoad } from '../../load.ts';
import { Submit } from '../../parts/button.tsx';
import { plain } from '../../parts/foreign.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { FaultNote, Waiting, WhenLoaded } from '../../parts/states.tsx';
import { query } from '../../router.ts';
import { statuses } from '../../stream.ts';
import type { Explanation } from '../../wire.types.ts';
import { Explained } from './explained.tsx';

/** `/explain` for a file, `/explain?intake=ID` for a message that was accepted. */
export function ExplainPage() {
  const intake = query.value.get('intake');
  return intake === null ? <OfFile /> : <OfIntake key={intake} id={intake} />;
}

/** A dry run of a file: what would become of it, and why. Changes nothing. */
function OfFile() {
  const message = useSignal<File | null>(null);
  const definition = useSignal('');
  const answer = useSignal<Explanation | null>(null);
  const { busy, fault, run } = useDoing();
  const [fileId, definitionField] = [useId(), useId()];
  const all = statuses.value ?? [];
  const explain = (event: Event): void => {
    event.preventDefault();
    const { value: file } = message;
    if (file === null) return;
    run(async () => {
      answer.value = null;
      const path = withQuery('/v1/explain', { definition: definition.value || all[0]?.id });
      answer.value = (await call<Explanation>(path, { method: 'POST', message: file })).body;
    });
  };
  return (
    <PageFrame title="Explain" actions={<a href="/intake">All intake</a>}>
      <p class="soft">A dry run of one message: each rule, what it would match, what other settings would do.</p>
      <form class="filters" onSubmit={explain}>
        <div class="filter">
          <label for={fileId}>Message (.eml)</label>
          <input
            id={fileId}
            type="file"
            accept=".eml,message/rfc822"
            onChange={(event) => {
              message.value = event.currentTarget.files?.[0] ?? null;
            }}
          />
        </div>
        <div class="filter">
          <label for={definitionField}>As if received for</label>
          <select
            id={definitionField}
            value={definition.value || all[0]?.id}
            onChange={(event) => {
              definition.value = event.currentTarget.value;
            }}
          >
            {all.map(({ id, description }) => (
              <option key={id} value={id}>
                {plain(description)}
              </option>
            ))}
          </select>
        </div>
        <div class="filter-actions">
          <Submit off={busy.value || message.value === null}>Explain</Submit>
        </div>
      </form>
      <div role="status">{busy.value && <Waiting what="Trying" />}</div>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      {answer.value !== null && <Explained answer={answer.value} />}
    </PageFrame>
  );
}

/** The same of a message that was accepted, as today's parser and rules have it. */
function OfIntake({ id }: { readonly id: string }) {
  const { loaded, again } = useLoad((aborted) => read<Explanation>(`${pathOf('intake', id)}/explain`, aborted));
  return (
    <PageFrame title="Explain" actions={<a href={`/intake/${encodeURIComponent(id)}`}>Its intake record</a>}>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(answer) => <Explained answer={answer} />}
      </WhenLoaded>
    </PageFrame>
  );
}
