import { useSignal } from '@preact/signals';
import { read, withQuery } from '../api.ts';
import { useLoad } from '../load.ts';
import { definitionFilter, type Filter, Filters } from '../parts/filters.tsx';
import { Foreign } from '../parts/foreign.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { Pager, useCursor } from '../parts/pager.tsx';
import { Pill, type Tone } from '../parts/pill.tsx';
import { Empty, WhenLoaded } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Bytes, Instant } from '../parts/time.tsx';
import { query } from '../router.ts';
import { may } from '../session.ts';
import { events } from '../stream.ts';
import type { EventItem, Page } from '../wire.types.ts';
import { span } from '../words.ts';

const rowsShown = 100;

/** The event log, and what is added to it while one looks. */
export function EventsPage() {
  const cursor = useCursor();
  const following = useSignal(true);
  const { loaded, again } = useLoad((aborted) => {
    const asked = Object.fromEntries(
      [...query.value].filter(([name]) => ['definition', 'type', 'since'].includes(name)),
    );
    return read<Page<EventItem>>(
      withQuery('/v1/events', { ...asked, limit: rowsShown, cursor: cursor.at.value }),
      aborted,
    );
  });
  const follow = (
    <label class="switch">
      <input
        type="checkbox"
        checked={following.value}
        onChange={(event) => {
          following.value = event.currentTarget.checked;
          if (following.value) again();
        }}
      />{' '}
      Follow
    </label>
  );
  return (
    <PageFrame title="Events" actions={follow}>
      <Filters path="/events" label="Events" filters={filters()} />
      <WhenLoaded loaded={loaded.value} again={again}>
        {({ items, next }) => {
          const live = following.value && cursor.page.value === 1;
          const rows = live ? withNewer(items) : items;
          return (
            <>
              {rows.length === 0 ? (
                <Empty>No event is like this.</Empty>
              ) : (
                <Table
                  caption="Events, the newest first"
                  rows={rows}
                  keyOf={({ seq }) => String(seq)}
                  columns={columns}
                />
              )}
              <Pager cursor={cursor} next={next} />
            </>
          );
        }}
      </WhenLoaded>
    </PageFrame>
  );
}

/** What came over the stream since, where it fits what was asked for. */
function withNewer(items: readonly EventItem[]): readonly EventItem[] {
  const newest = items[0]?.seq ?? 0;
  const { definition = '', type = '' } = Object.fromEntries(query.value) as { definition?: string; type?: string };
  const newer = events.value.filter(
    (event) =>
      event.seq > newest &&
      (definition === '' || event.definition === definition) &&
      (type === '' || event.type === type),
  );
  return [...newer, ...items].slice(0, rowsShown * 2);
}

function filters(): readonly Filter[] {
  return [
    { name: 'type', label: 'Type', type: 'search', hint: 'definition.suspended' },
    definitionFilter(),
    { name: 'since', label: 'Since', type: 'date' },
  ];
}

const tones: Readonly<Record<EventItem['severity'], Tone>> = { info: 'plain', warning: 'paused', error: 'bad' };
const columns: readonly Column<EventItem>[] = [
  { head: 'Time', cell: ({ at }) => <Instant at={at} /> },
  { head: 'Severity', cell: ({ severity }) => <Pill tone={tones[severity]} word={severity} /> },
  { head: 'Event', cell: ({ type }) => <span class="mono">{type}</span> },
  { head: 'By', cell: By },
  { head: 'About', cell: About },
  { head: 'Particulars', cell: Particulars },
];

function By({ actor }: EventItem) {
  return (
    <span class="who">
      <Foreign text={actor ?? '—'} most={60} />
    </span>
  );
}

function About({ definition, intakeId, entryId }: EventItem) {
  return (
    <>
      {definition !== null && <a href={`/journaling/${encodeURIComponent(definition)}`}>{definition}</a>}
      {intakeId !== null && may('read-intake') && (
        <span class="under">
          <a href={`/intake/${encodeURIComponent(intakeId)}`}>intake</a>
        </span>
      )}
      {entryId !== null && may('read-messages') && (
        <span class="under">
          <a href={`/messages/${encodeURIComponent(entryId)}`}>message</a>
        </span>
      )}
    </>
  );
}

function Particulars({ data }: EventItem) {
  return (
    <>
      {Object.entries(data)
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => (
          <span key={name} class="particular">
            <span class="soft">{name}</span> <Particular name={name} value={value} />
          </span>
        ))}
    </>
  );
}

/** By their names numbers are moments (epoch ms), lengths of time (ms) and sizes, and are read as such. */
function Particular({ name, value }: { readonly name: string; readonly value: unknown }) {
  if (typeof value === 'number' && name.endsWith('At') && Number.isFinite(new Date(value).getTime()))
    return <Instant at={new Date(value).toISOString()} />;
  if (typeof value === 'number' && name.endsWith('Ms')) return <span title={`${value} ms`}>{span(value)}</span>;
  if (typeof value === 'number' && name.endsWith('Bytes')) return <Bytes count={value} />;
  return <Foreign text={typeof value === 'string' ? value : JSON.stringify(value)} most={300} />;
}
