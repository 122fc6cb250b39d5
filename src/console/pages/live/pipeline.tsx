import type { ComponentChildren } from 'preact';
import { pathOf, read, withQuery } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { Table } from '../../parts/table.tsx';
import { may } from '../../session.ts';
import type { DefinitionView, Page } from '../../wire.types.ts';
import { counted, figure, outcomes } from '../../words.ts';
import { type Attempts, attemptsOf, rateText, type Step, type StepName, widthOf } from './pipeline-model.ts';

/** Who waits for which attempt is looked at this often. */
const attemptsEveryMs = 3_000;
/** Of what waits; a picture needs no more. */
const attemptsLimit = 500;

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
const places: Readonly<Record<StepName, Place>> = {
  ingest: { x: 4, y: 96, width: 128, height: 68 },
  delay: { x: 204, y: 96, width: 128, height: 68 },
  match: { x: 404, y: 56, width: 176, height: 148 },
  archived: { x: 716, y: 8, width: 150, height: 46 },
  matched: { x: 716, y: 62, width: 150, height: 46 },
  skipped: { x: 716, y: 116, width: 150, height: 46 },
  held: { x: 716, y: 170, width: 150, height: 46 },
  quarantined: { x: 716, y: 224, width: 150, height: 46 },
};

export interface PipelineProps {
  /** Undefined for all definitions. */
  readonly id: string | undefined;
  readonly steps: readonly Step[];
}

/** The way of the mail as a picture, and the same as a table. */
export function Pipeline({ id, steps }: PipelineProps) {
  const attempts = useAttempts(id);
  const text = steps.map(
    ({ title, count, counts }) => `${title} ${figure(count)}${counts === 'waiting' ? ' waiting' : ''}`,
  );
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys. */}
      <section class="scroll pipeline" aria-label="Pipeline" tabIndex={0}>
        {/* biome-ignore lint/a11y/useSemanticElements: a drawing is no fieldset. */}
        <svg viewBox="0 0 876 280" role="group" aria-label={`The way of the mail: ${text.join(', ')}`}>
          <Ways steps={steps} />
          {steps.map((step) => (
            <StepLink key={step.name} id={id} step={step}>
              <StepBox step={step} attempts={step.name === 'match' ? attempts : null} />
            </StepLink>
          ))}
        </svg>
      </section>
      <details class="figures">
        <summary>The same as figures</summary>
        <Table
          caption="Where messages are and went"
          rows={steps}
          keyOf={({ name }) => name}
          columns={[
            { head: 'Step', cell: ({ title }) => title },
            { head: 'Messages', cell: ({ count }) => figure(count), number: true },
            { head: 'Which', cell: ({ counts }) => (counts === 'waiting' ? 'waiting now' : 'since it was made') },
            { head: 'Rate', cell: ({ rate, counts }) => (counts === 'waiting' ? '' : rateText(rate)), number: true },
          ]}
        />
      </details>
    </>
  );
}

/** What is in a step, for those who may read intake; its figures are the link's name. */
function StepLink({ id, step, children }: StepLinkProps) {
  const { name, title, count, counts } = step;
  if (!may('read-intake')) return <>{children}</>;
  const words = `${title}: ${counted(count, 'message')} ${counts === 'waiting' ? 'waiting' : 'since it was made'}`;
  return (
    <a href={withQuery('/intake', { state: stateOf[name], definition: id })} aria-label={words}>
      {children}
    </a>
  );
}
interface StepLinkProps {
  readonly id: string | undefined;
  readonly step: Step;
  readonly children: ComponentChildren;
}
const stateOf: Readonly<Record<StepName, string>> = {
  ingest: 'all',
  delay: 'delayed',
  match: 'matching',
  archived: 'archived',
  matched: 'matched',
  skipped: 'skipped',
  held: 'held',
  quarantined: 'quarantined',
};

/** From step to step; as wide as what goes along, and moving where anything does. */
function Ways({ steps }: { readonly steps: readonly Step[] }) {
  const rateOf = (name: StepName): number | null => steps.find((step) => step.name === name)?.rate ?? null;
  const settled = outcomes.map(rateOf);
  const through = settled.includes(null) ? null : settled.reduce<number>((sum, rate) => sum + (rate ?? 0), 0);
  return (
    <g class="ways">
      <Way path={between(places.ingest, places.delay)} rate={rateOf('ingest')} />
      <Way path={between(places.delay, places.match)} rate={through} />
      {outcomes.map((name) => (
        <Way key={name} path={between(places.match, places[name])} rate={rateOf(name)} />
      ))}
    </g>
  );
}

function Way({ path, rate }: { readonly path: string; readonly rate: number | null }) {
  const moves = rate !== null && rate > 0;
  return <path d={path} class={moves ? 'moving' : 'still'} stroke-width={widthOf(rate)} />;
}

function between(from: Place, to: Place): string {
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function StepBox({ step, attempts }: { readonly step: Step; readonly attempts: Attempts | null }) {
  const { name, title, counts, count, rate } = step;
  const { x, y, width, height } = places[name];
  const low = height < 60;
  return (
    <g class={`step ${name}`} transform={`translate(${x} ${y})`}>
      <rect width={width} height={height} rx="5" />
      <text x="12" y={low ? 18 : 20} class="title">
        {title}
      </text>
      <text x="12" y={low ? 37 : 44} class="count">
        {figure(count)}
      </text>
      {counts === 'waiting' ? (
        <text x={width - 12} y="20" text-anchor="end" class="rate">
          waiting
        </text>
      ) : (
        <text x={width - 12} y={low ? 37 : 44} text-anchor="end" class="rate">
          {rateText(rate)}
        </text>
      )}
      {attempts !== null && <AttemptBars attempts={attempts} width={width} />}
    </g>
  );
}

/** Bars shown at most; a definition may have twenty attempts. */
const maxBars = 6;

function AttemptBars({ attempts: { counts, more }, width }: { readonly attempts: Attempts; readonly width: number }) {
  const most = Math.max(1, ...counts);
  const shown = counts.slice(0, maxBars);
  const tall = Math.min(22, 84 / Math.max(1, shown.length));
  return (
    <g class="attempts" transform="translate(12 56)">
      {shown.map((count, at) => (
        <g key={at} transform={`translate(0 ${at * tall})`}>
          <text y={tall / 2 + 4}>attempt {at + 1}</text>
          <rect x="66" y="2" height={Math.max(6, tall - 5)} width={Math.max(1, (count / most) * (width - 128))} />
          <text x={width - 24} y={tall / 2 + 4} text-anchor="end">
            {figure(count)}
            {more && at === shown.length - 1 ? '+' : ''}
          </text>
        </g>
      ))}
    </g>
  );
}

/** What waits by attempt, for those who may read intake; null for others and until it is known. */
function useAttempts(id: string | undefined): Attempts | null {
  const { loaded: definition } = useLoad(async (aborted) =>
    id === undefined ? null : read<DefinitionView>(pathOf('definitions', id), aborted),
  );
  const { loaded: waiting } = useLoad(async (aborted) => {
    if (!may('read-intake')) return null;
    const query = { definition: id, state: 'matching', limit: attemptsLimit };
    return read<Page<{ readonly attempt: number }>>(withQuery('/v1/intake', query), aborted);
  }, attemptsEveryMs);
  const { value: page } = waiting.value;
  if (page == null) return null;
  return attemptsOf(page.items, page.next !== null, definition.value.value?.deliveryWaitAttempts ?? 1);
}
