import { Facts } from '../../parts/facts.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { Note } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { Instant } from '../../parts/time.tsx';
import { may } from '../../session.ts';
import type { Change, Explanation } from '../../wire.types.ts';

/** What a dry run says: how it would end, each rule, what is near, what else could be. */
export function Explained({ answer }: { readonly answer: Explanation }) {
  const { rules, matches, whatIf, untried, recorded } = answer;
  return (
    <>
      <Outcome answer={answer} />
      <Table
        caption="Rules"
        shown
        rows={rules}
        keyOf={({ rule }) => rule}
        columns={[
          { head: 'Rule', cell: ({ rule }) => rule },
          { head: 'Verdict', cell: ({ verdict }) => verdict },
          { head: 'By', cell: ({ option, value }) => (option === null ? '' : `${option}: ${value}`) },
          { head: 'Why', cell: ({ detail }) => <Foreign text={detail} most={600} /> },
        ]}
      />
      {matches.length > 0 && <Matches matches={matches} />}
      {whatIf.length > 0 && (
        <>
          <h2>With another setting</h2>
          <ul>
            {whatIf.map(({ option, from, to, changes }) => (
              <li key={`${option} ${to}`}>
                <code>{option}</code>: {String(to)} instead of {String(from)}
                <Changes changes={changes} />
              </li>
            ))}
          </ul>
        </>
      )}
      {untried.length > 0 && <p class="soft">Not tried, for want of time: {untried.join(', ')}</p>}
      {recorded !== null && <Recorded recorded={recorded} />}
    </>
  );
}

function Outcome({ answer }: { readonly answer: Explanation }) {
  const { definition, takenFor, outcome, reason, entryId, level, family, flags, recipients, stores, decidedAt } =
    answer;
  return (
    <Facts
      rows={[
        ['Outcome', <strong key="">{reason === null ? outcome : `${outcome}, ${reason}`}</strong>],
        ['Definition', definition === null ? 'mail gateway' : `${definition.id}, version ${definition.version}`],
        ['Taken for', <Foreign key="" text={takenFor} />],
        ['Message', entryId === null ? null : <Entry id={entryId} />],
        ['Level', [level ?? '—', ...(family === null ? [] : [family])].join(' ')],
        ['Flags', flags.join(', ')],
        [
          'Recipients',
          recipients === undefined ? 'not shown to this role' : <Foreign text={listed(recipients)} most={2_000} />,
        ],
        ['Stored', <Foreign key="" text={stores.detail} />],
        ['Decided', decidedAt === null ? 'at once' : <Instant at={decidedAt} />],
      ]}
    />
  );
}

const listed = (recipients: NonNullable<Explanation['recipients']>): string =>
  recipients.map(({ type, address }) => `${type}: ${address}`).join(', ');

function Entry({ id }: { readonly id: string }) {
  return may('read-messages') ? <a href={`/messages/${encodeURIComponent(id)}`}>{id}</a> : id;
}

function Matches({ matches }: Pick<Explanation, 'matches'>) {
  return (
    <Table
      caption="In the archive"
      shown
      rows={matches}
      keyOf={({ entryId }) => entryId}
      columns={[
        { head: 'Message', cell: ({ entryId }) => <Entry id={entryId} /> },
        { head: 'Case', cell: (match) => match.case },
        { head: 'Joins', cell: ({ joined }) => (joined ? 'yes' : 'no') },
        { head: 'Differs in', cell: ({ differs }) => differs.join(', ') },
        { head: 'Why', cell: ({ why }) => <Foreign text={why} most={600} /> },
      ]}
    />
  );
}

function Recorded({
  recorded: { state, reason, changes },
}: {
  readonly recorded: NonNullable<Explanation['recorded']>;
}) {
  const ended = reason === null ? state : `${state}, ${reason}`;
  if (changes.length === 0) return <Note tone="good">Recorded as {ended}; today it would be the same.</Note>;
  return (
    <Note tone="warn">
      Recorded as {ended}; today it would be otherwise:
      <Changes changes={changes} />
    </Note>
  );
}

/** What would be otherwise, each from what to what. */
export function Changes({ changes }: { readonly changes: readonly Change[] }) {
  return (
    <ul>
      {changes.map(({ field, from, to }) => (
        <li key={field}>
          {field}: <Foreign text={wordOf(from)} most={600} /> → <Foreign text={wordOf(to)} most={600} />
        </li>
      ))}
    </ul>
  );
}

function wordOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
