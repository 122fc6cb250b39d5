import { read, withQuery } from '../api.ts';
import { useLoad } from '../load.ts';
import { query } from '../router.ts';
import type { GapsAnswer } from '../wire.types.ts';
import { counted } from '../words.ts';
import { WhenLoaded } from './states.tsx';
import { type Column, Table } from './table.tsx';
import { Time } from './time.tsx';

type Person = GapsAnswer['definitions'][number]['people'][number] & { readonly definition: string };

/** People whom headers name and no journal report does, on the day that was looked at last. */
export function Gaps() {
  const { loaded, again } = useLoad((aborted) => {
    const definition = query.value.get('definition') ?? undefined;
    return read<GapsAnswer>(withQuery('/v1/gaps', { definition }), aborted);
  });
  return (
    <section aria-labelledby="gaps">
      <h2 id="gaps">Gaps</h2>
      <p class="soft">
        People whom the headers of mail name and none of its journal reports does. Each day is looked at once, a day
        after its end.
      </p>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(answer) => <Found answer={answer} />}
      </WhenLoaded>
    </section>
  );
}

function Found({ answer: { day, definitions } }: { readonly answer: GapsAnswer }) {
  if (day === null) return <p class="soft">No day has been looked at yet.</p>;
  const people = definitions.flatMap(({ definition, people: each }) => each.map((one) => ({ ...one, definition })));
  const incomplete = definitions.reduce((sum, each) => sum + each.incomplete, 0);
  if (people.length === 0) {
    return (
      <p>{incomplete === 0 ? `None on ${day}.` : `${counted(incomplete, 'message')} of ${day} may lack somebody.`}</p>
    );
  }
  return (
    <Table
      caption={`People who were named and not reported on ${day}`}
      rows={people}
      keyOf={({ definition, address }) => `${definition} ${address}`}
      columns={columns}
    />
  );
}

const standings = {
  lapsed: 'Reported before, not any more',
  never: 'In no report for a month',
  partly: 'Missing in some messages',
} as const;

const columns: readonly Column<Person>[] = [
  { head: 'Named', cell: ({ address }) => <bdi>{address}</bdi> },
  { head: 'Definition', cell: ({ definition }) => definition },
  { head: 'Standing', cell: ({ standing }) => standings[standing] },
  {
    head: 'Last reported',
    cell: ({ lastReportedAt }) => (lastReportedAt === null ? '—' : <Time at={lastReportedAt} />),
  },
  {
    head: 'For example',
    cell: ({ entries: [id] }) => (id === undefined ? '—' : <a href={`/messages/${encodeURIComponent(id)}`}>{id}</a>),
  },
];
