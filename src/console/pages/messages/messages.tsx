import { read, withQuery } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { definitionFilter, type Filter, Filters } from '../../parts/filters.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { Pager, useCursor } from '../../parts/pager.tsx';
import { Empty, Note, WhenLoaded } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Bytes, Instant } from '../../parts/time.tsx';
import { parts, query } from '../../router.ts';
import { engine } from '../../stream.ts';
import type { Entry, Found } from '../../wire.types.ts';
import { MessagePage } from './message.tsx';

/** `/messages`, its search in the address, and `/messages/ID`. */
export function MessagesPage() {
  const [, id] = parts.value;
  return id === undefined ? <Search /> : <MessagePage key={id} id={id} />;
}

/** Rows on a page: what a person reads before asking for less. */
const rowsShown = 50;
/** A search whose words are rare together may answer empty pages: it is followed so far by itself. */
const followed = 20;

const names = ['mailbox', 'from', 'to', 'subject', 'text', 'messageId', 'since', 'until', 'definition', 'flag'];

/** Where there is an index of the text, or somebody came with such a search: the engine says then that there is none. */
const hasText = (): boolean => engine.value?.textIndex != null || query.value.has('text');

function filters(): readonly Filter[] {
  return [
    { name: 'mailbox', label: 'Participant', type: 'search', hint: 'name@example.com' },
    { name: 'from', label: 'From', type: 'search' },
    { name: 'to', label: 'To', type: 'search' },
    { name: 'subject', label: 'Subject words', type: 'search' },
    ...(hasText() ? [{ name: 'text', label: 'Words in it', type: 'search' } as const] : []),
    { name: 'messageId', label: 'Message-ID', type: 'search', hint: '<id@example.com>' },
    { name: 'since', label: 'Since', type: 'date' },
    { name: 'until', label: 'Until', type: 'date' },
    definitionFilter(),
    { name: 'flag', label: 'Flag', type: 'search' },
  ];
}

function Search() {
  const cursor = useCursor();
  const { loaded, again } = useLoad((aborted) => find(cursor.at.value, aborted));
  return (
    <PageFrame title="Messages">
      <Filters path="/messages" label="Messages" filters={filters()} />
      <WhenLoaded loaded={loaded.value} again={again}>
        {({ items, next, textIndex }) => (
          <>
            {textIndex !== undefined && textIndex.behind > 0 && (
              <Note tone="warn">
                The text of {textIndex.behind} messages is not indexed yet: they may be missing here.
              </Note>
            )}
            {items.length === 0 ? <Nothing more={next !== null} /> : <FoundTable entries={items} />}
            <Pager cursor={cursor} next={next} />
          </>
        )}
      </WhenLoaded>
    </PageFrame>
  );
}

async function find(from: string | undefined, aborted: AbortSignal): Promise<Found> {
  const asked = Object.fromEntries([...query.value].filter(([name]) => names.includes(name)));
  let cursor = from;
  for (let pages = 1; ; pages += 1) {
    const page = await read<Found>(withQuery('/v1/messages', { ...asked, limit: rowsShown, cursor }), aborted);
    if (page.items.length > 0 || page.next === null || pages >= followed) return page;
    cursor = page.next;
  }
}

function Nothing({ more }: { readonly more: boolean }) {
  if (more) return <Empty>Nothing fits so far. Go on to older messages, or ask for less at once.</Empty>;
  if (query.value.size > 0) return <Empty>No message fits. Addresses and words have to be whole ones.</Empty>;
  return <Empty>Nothing has been archived yet.</Empty>;
}

function FoundTable({ entries }: { readonly entries: readonly Entry[] }) {
  return <Table caption="Messages, the newest first" rows={entries} keyOf={({ id }) => id} columns={columns} />;
}

const columns: readonly Column<Entry>[] = [
  { head: 'Subject', cell: Subject },
  { head: 'From', cell: ({ from, sender }) => <Foreign text={from ?? sender ?? '—'} most={60} /> },
  { head: 'To', cell: Recipients },
  { head: 'Date', cell: ({ date, archivedAt }) => <Instant at={date ?? archivedAt} /> },
  { head: 'Size', cell: ({ size }) => <Bytes count={size} />, number: true },
  { head: 'Copies', cell: ({ observations }) => observations.length, number: true },
];

function Subject({ id, subject, flags, holds }: Entry) {
  return (
    <>
      <a href={`/messages/${encodeURIComponent(id)}`}>
        {subject === null || subject.trim() === '' ? '(no subject)' : <Foreign text={subject} most={120} />}
      </a>
      {flags.length + holds.length > 0 && (
        <span class="under">
          {flags.join(', ')}
          {holds.length > 0 && ` on hold: ${holds.join(', ')}`}
        </span>
      )}
    </>
  );
}

function Recipients({ recipients }: Entry) {
  const [first, ...others] = recipients;
  if (first === undefined) return '—';
  return (
    <>
      <Foreign text={first.address} most={60} />
      {others.length > 0 && <span class="soft"> and {others.length} more</span>}
    </>
  );
}
