import { read, withQuery } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { definitionFilter, type Filter, Filters } from '../../parts/filters.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { Pager, useCursor } from '../../parts/pager.tsx';
import { Pill, type Tone } from '../../parts/pill.tsx';
import { Empty, WhenLoaded } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Bytes, Instant, Time } from '../../parts/time.tsx';
import { parts, query } from '../../router.ts';
import { may } from '../../session.ts';
import { statuses } from '../../stream.ts';
import type { DefinitionView, IntakeItem, Page } from '../../wire.types.ts';
import { figure } from '../../words.ts';
import { BulkRelease } from './bulk-release.tsx';
import { IntakePage as OneIntake } from './intake-detail.tsx';
import { type Filtered, ParsedAgain } from './parsed-again.tsx';

/** `/intake`, what is shown of it in the address, and `/intake/ID`. */
export function IntakePage() {
  const [, id] = parts.value;
  return id === undefined ? <Intake /> : <OneIntake key={id} id={id} />;
}

const rowsShown = 50;
const states = [
  'delayed',
  'matching',
  'held',
  'quarantined',
  'skipped',
  'archived',
  'matched',
  'received',
  'parsed',
] as const;
type State = (typeof states)[number];
/** How each state is meant: what somebody has to look at stands out. */
const stateTones: Readonly<Record<State, Tone>> = {
  received: 'plain',
  parsed: 'plain',
  delayed: 'idle',
  matching: 'idle',
  archived: 'good',
  matched: 'good',
  skipped: 'plain',
  held: 'paused',
  quarantined: 'bad',
};
const meanings: Readonly<Record<string, string>> = {
  delayed: 'waits for its initial process delay',
  matching: 'waits for the gateway copy',
  held: 'set aside by age: release it, or leave it',
  quarantined: 'could not be worked on: try again, or download it',
  skipped: 'not to be archived; its bytes are kept for 30 days',
};

function Intake() {
  const asked = query.value.get('state') ?? 'held';
  const definition = query.value.get('definition') ?? undefined;
  return (
    <PageFrame title="Intake" actions={may('explain') && <a href="/explain">Explain a message</a>}>
      <States asked={asked} />
      {meanings[asked] !== undefined && <p class="soft">{meanings[asked]}</p>}
      <Filters path="/intake" label="Intake records" filters={filters()} />
      {asked === 'held' && may('change') && <BulkRelease key={definition} definition={definition} />}
      {repairable.includes(asked) && may('explain') && <ParsedAgain key={query.value.toString()} filters={wanted()} />}
      <Records />
    </PageFrame>
  );
}

/** Lists of what a newer parse can repair. */
const repairable: readonly string[] = ['archived', 'matched', 'all'];

/** The filters of the list, as they stand in the address. */
function wanted(): Filtered {
  const { cursor: _cursor, state = 'held', ...others } = Object.fromEntries(query.value);
  return state === 'all' ? others : { ...others, state };
}

/** Each state as a link, with how many records are in it. */
function States({ asked }: { readonly asked: string }) {
  const definition = query.value.get('definition') ?? undefined;
  return (
    <nav class="tabs" aria-label="States">
      {[...states, 'all'].map((state) => {
        const count = countOf(state, definition);
        return (
          <a
            key={state}
            href={withQuery('/intake', { state, definition })}
            aria-current={state === asked ? 'page' : undefined}
          >
            {state}
            {count !== null && <span class="number"> {figure(count)}</span>}
          </a>
        );
      })}
    </nav>
  );
}

/** As the statuses have it; null where they do not count it. */
function countOf(state: string, definition: string | undefined): number | null {
  const of = (statuses.value ?? []).filter(({ id }) => definition === undefined || id === definition);
  const sum = (figureOf: (status: (typeof of)[number]) => number): number =>
    of.reduce((all, status) => all + figureOf(status), 0);
  if (state === 'delayed' || state === 'matching') return sum(({ processingQueue }) => processingQueue.waiting[state]);
  if (state === 'received' || state === 'parsed' || state === 'all') return null;
  return sum(({ counts }) => counts[state as 'held']);
}

function filters(): readonly Filter[] {
  return [
    definitionFilter(),
    { name: 'reason', label: 'Reason', type: 'search' },
    { name: 'flag', label: 'Flag', type: 'search' },
    { name: 'since', label: 'Received since', type: 'date' },
    { name: 'until', label: 'Until', type: 'date' },
  ];
}

function Records() {
  const cursor = useCursor();
  const { loaded, again } = useLoad(async (aborted) => {
    const { state = 'held', ...others } = Object.fromEntries(query.value);
    const wanted = { ...others, state: state === 'all' ? undefined : state, limit: rowsShown, cursor: cursor.at.value };
    const [page, definitions] = await Promise.all([
      read<Page<IntakeItem>>(withQuery('/v1/intake', wanted), aborted),
      read<Page<DefinitionView>>('/v1/definitions?limit=500', aborted),
    ]);
    return { page, attempts: new Map(definitions.items.map((each) => [each.id, each.deliveryWaitAttempts])) };
  });
  return (
    <WhenLoaded loaded={loaded.value} again={again}>
      {({ page: { items, next }, attempts }) => (
        <>
          {items.length === 0 ? (
            <Empty>{next === null ? 'No record is like this.' : 'None so far. Go on to older records.'}</Empty>
          ) : (
            <Table
              caption="Intake records, the newest first"
              rows={items}
              keyOf={({ id }) => id}
              columns={columnsOf(attempts)}
            />
          )}
          <Pager cursor={cursor} next={next} />
        </>
      )}
    </WhenLoaded>
  );
}

function columnsOf(attempts: ReadonlyMap<string, number | undefined>): readonly Column<IntakeItem>[] {
  return [
    {
      head: 'Intake',
      cell: ({ id }) => (
        <a class="mono" href={`/intake/${encodeURIComponent(id)}`}>
          {id}
        </a>
      ),
    },
    { head: 'State', cell: State },
    { head: 'Definition', cell: ({ definition }) => definition ?? 'mail gateway' },
    { head: 'Received', cell: ({ receivedAt }) => <Instant at={receivedAt} /> },
    {
      head: 'Attempt',
      cell: ({ attempt, definition }) => attemptOf(attempt, definition === null ? undefined : attempts.get(definition)),
      number: true,
    },
    { head: 'Next try', cell: ({ nextAttemptAt }) => (nextAttemptAt === null ? '' : <Time at={nextAttemptAt} />) },
    { head: 'Size', cell: ({ size }) => <Bytes count={size} />, number: true },
  ];
}

const attemptOf = (attempt: number, of: number | undefined): string =>
  of === undefined ? String(attempt) : `${attempt} of ${of}`;

function State({ state, reason, flags, entryId }: IntakeItem) {
  return (
    <>
      <Pill tone={stateTones[state]} word={state} />
      {reason !== null && <span class="under">{reason}</span>}
      {flags.length > 0 && <span class="under">{flags.join(', ')}</span>}
      {entryId !== null && may('read-messages') && (
        <span class="under">
          <a href={`/messages/${encodeURIComponent(entryId)}`}>its message</a>
        </span>
      )}
    </>
  );
}
