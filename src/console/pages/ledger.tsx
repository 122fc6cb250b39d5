import { read, withQuery } from '../api.ts';
import { useLoad } from '../load.ts';
import { definitionFilter, Filters } from '../parts/filters.tsx';
import { Gaps } from '../parts/gaps.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { Pager, useCursor } from '../parts/pager.tsx';
import { Empty, Note, WhenLoaded } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { query } from '../router.ts';
import type { LedgerAnswer, Page } from '../wire.types.ts';
import { figure, outcomes } from '../words.ts';

const figures = ['received', ...outcomes, 'inProcess'] as const;

/** The conservation account: what was received against what became of it, for all time and for each day. */
export function LedgerPage() {
  const cursor = useCursor();
  const { loaded, again } = useLoad(async (aborted) => {
    const definition = query.value.get('definition') ?? undefined;
    const [total, days] = await Promise.all([
      read<LedgerAnswer>(withQuery('/v1/ledger', { definition }), aborted),
      read<Page<LedgerAnswer>>(
        withQuery('/v1/ledger/days', { definition, limit: 31, cursor: cursor.at.value }),
        aborted,
      ),
    ]);
    return { total, days };
  });
  return (
    <PageFrame title="Ledger">
      <p class="soft">
        What was received is archived, matched, skipped, held, quarantined or in process, and nothing is left over. A
        day is that of the receipt (UTC).
      </p>
      <Filters path="/ledger" label="The account" filters={[definitionFilter()]} />
      <WhenLoaded loaded={loaded.value} again={again}>
        {({ total, days }) => (
          <>
            <Balance total={total} days={days.items} />
            {days.items.length === 0 ? (
              <Empty>Nothing has been received yet.</Empty>
            ) : (
              <Table
                caption="The account by day"
                rows={[total, ...days.items]}
                keyOf={({ day }) => day ?? 'all'}
                columns={columns}
              />
            )}
            <Pager cursor={cursor} next={days.next} />
            <Gaps />
          </>
        )}
      </WhenLoaded>
    </PageFrame>
  );
}

/** Loud where it does not add up. */
function Balance({ total, days }: { readonly total: LedgerAnswer; readonly days: readonly LedgerAnswer[] }) {
  const wrong = [total, ...days].filter(({ difference }) => difference !== 0);
  if (wrong.length === 0) {
    return (
      <Note tone="good">
        <p>
          The account adds up: {figure(total.received)} received, difference <strong>0</strong>.
        </p>
      </Note>
    );
  }
  return (
    <div class="note bad" role="alert">
      <p>
        <strong>The account does not add up:</strong>{' '}
        {wrong
          .map(({ day, difference }) => `${day ?? 'all time'} ${difference > 0 ? '+' : ''}${difference}`)
          .join(', ')}
        . Mail may be missing: run a verification on the page Store, and keep the data directory as it is.
      </p>
    </div>
  );
}

const columns: readonly Column<LedgerAnswer>[] = [
  { head: 'Day', cell: ({ day }) => day ?? <strong>All time</strong> },
  ...figures.map((name) => ({
    head: name === 'inProcess' ? 'In process' : `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    cell: (row: LedgerAnswer) => figure(row[name]),
    number: true,
  })),
  {
    head: 'Difference',
    cell: ({ difference }) => (difference === 0 ? '0' : <strong class="wrong">{difference}</strong>),
    number: true,
  },
];
