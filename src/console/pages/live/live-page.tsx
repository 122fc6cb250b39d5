import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { now } from '../../clock.ts';
import { Advice, plain } from '../../parts/foreign.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { PatienceClocks } from '../../parts/patience.tsx';
import { ServicePill } from '../../parts/pill.tsx';
import { Empty, Waiting } from '../../parts/states.tsx';
import { go, parts } from '../../router.ts';
import { statuses } from '../../stream.ts';
import type { Status } from '../../wire.types.ts';
import { Countdown } from './countdown.tsx';
import { Pipeline } from './pipeline.tsx';
import { type Sample, stepsOf, sumsOf, withSample } from './pipeline-model.ts';
import { StatechartDrawing } from './statechart.tsx';
import { Timeline } from './timeline.tsx';

/** `/live` for all mail, `/live/exchange-1` for that of one definition, with its statechart. */
export function LivePage() {
  const [, id] = parts.value;
  const all = statuses.value;
  return (
    <PageFrame title="Live" actions={all !== null && all.length > 0 ? <Choice all={all} id={id} /> : undefined}>
      {all === null ? <Waiting /> : <Body key={id ?? ''} all={all} id={id} />}
    </PageFrame>
  );
}

function Choice({ all, id }: { readonly all: readonly Status[]; readonly id: string | undefined }) {
  return (
    <>
      <label for="live-definition">Definition</label>
      <select
        id="live-definition"
        value={id ?? ''}
        onChange={({ currentTarget: { value } }) => go(value === '' ? '/live' : `/live/${encodeURIComponent(value)}`)}
      >
        <option value="">All</option>
        {all.map((each) => (
          <option key={each.id} value={each.id}>
            {plain(each.description)}
          </option>
        ))}
      </select>
    </>
  );
}

function Body({ all, id }: { readonly all: readonly Status[]; readonly id: string | undefined }) {
  const shown = id === undefined ? all : all.filter((each) => each.id === id);
  const samples = useSamples(id);
  const [only] = shown;
  if (all.length === 0)
    return <Empty>No journal service definition has been made yet, so no mail is on its way.</Empty>;
  if (only === undefined) return <Empty>There is no definition with this id.</Empty>;
  return (
    <>
      <Pipeline id={id} steps={stepsOf(shown, samples)} />
      {id === undefined ? (
        <p class="soft">Choose a definition to see its statechart and its last day.</p>
      ) : (
        <>
          <State status={only} />
          <StatechartDrawing value={only.machine} />
          <Timeline status={only} />
        </>
      )}
    </>
  );
}

function State({ status }: { readonly status: Status }) {
  return (
    <section class="live-state" aria-label="State">
      <h2>Service Status</h2>
      <p>
        <ServicePill status={status} />
      </p>
      <Countdown status={status} />
      {status.patience !== null && <PatienceClocks patience={status.patience} />}
      {status.hint !== null && (
        <p class="hint">
          <Advice text={status.hint} />
        </p>
      )}
    </section>
  );
}

/** One sample a second while the page is shown: rates are what changed between them. */
function useSamples(id: string | undefined): readonly Sample[] {
  const samples = useSignal<readonly Sample[]>([]);
  const sums = useComputed(() => sumsOf((statuses.value ?? []).filter((each) => id === undefined || each.id === id)));
  useSignalEffect(() => {
    const at = now.value;
    if (statuses.peek() !== null) samples.value = withSample(samples.peek(), { at, sums: sums.peek() });
  });
  return samples.value;
}
