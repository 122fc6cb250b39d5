import { useSignal } from '@preact/signals';
import { useHistory } from '../history.ts';
import { Advice, Foreign } from '../parts/foreign.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { PatienceLine } from '../parts/patience.tsx';
import { ServicePill, serviceWords } from '../parts/pill.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { Empty, Waiting } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { parts, query } from '../router.ts';
import { may } from '../session.ts';
import { engine, statuses } from '../stream.ts';
import type { History, Status } from '../wire.types.ts';
import { counted, figure } from '../words.ts';
import { DefinitionPage } from './definition/definition-page.tsx';

/** `/journaling`, `/journaling/exchange-1`, and `/journaling?new` for one that has no id yet. */
export function JournalingPage() {
  const [, id] = parts.value;
  if (id !== undefined) return <DefinitionPage key={id} id={id} />;
  return query.value.has('new') ? <DefinitionPage key="" id={null} /> : <Services />;
}

/** Services | Journaling: every journal service definition, one a row. */
function Services() {
  const links = (
    <>
      <a href="/alerts">Alerts</a>
      {may('change') && (
        <a class="button primary" href="/journaling?new">
          New Journal Service Definition
        </a>
      )}
    </>
  );
  return (
    <PageFrame title="Services | Journaling" actions={links}>
      <Definitions />
    </PageFrame>
  );
}

/** From this many on, looking for one by eye takes long. */
const manyDefinitions = 8;

function Definitions() {
  const { loaded } = useHistory();
  const wanted = useSignal('');
  const all = statuses.value;
  if (all === null) return <Waiting />;
  if (all.length === 0) {
    return <Empty>No journal service definition has been made yet. Without one no journal mail is taken.</Empty>;
  }
  const words = wanted.value.toLowerCase().trim();
  const rows = all.filter(({ id, description }) => `${id} ${description}`.toLowerCase().includes(words));
  return (
    <>
      <div class="strip">
        <Summary all={all} />
        {all.length >= manyDefinitions && (
          <input
            type="search"
            data-search
            aria-label="Show those with these words"
            placeholder="Filter ( / )"
            value={wanted.value}
            onInput={(event) => {
              wanted.value = event.currentTarget.value;
            }}
          />
        )}
      </div>
      {rows.length === 0 ? (
        <Empty>None has these words.</Empty>
      ) : (
        <Table
          caption="Journal service definitions"
          rows={rows}
          keyOf={({ id }) => id}
          columns={columnsOf(loaded.value.value, engine.value?.cluster !== undefined)}
        />
      )}
    </>
  );
}

/** How many are how, the worst first. */
function Summary({ all }: { readonly all: readonly Status[] }) {
  const order = ['error', 'down', 'suspended', 'awaiting-initial-run', 'active'] as const;
  const counts = order
    .map((state) => [state, all.filter(({ serviceStatus }) => serviceStatus === state).length] as const)
    .filter(([, count]) => count > 0);
  return (
    <p class="soft">
      {counted(all.length, 'definition')}:{' '}
      {counts.map(([state, count]) => `${count} ${serviceWords[state]}`).join(', ')}
    </p>
  );
}

function columnsOf(history: History | undefined, isCluster: boolean): readonly Column<Status>[] {
  const hours = new Map(history?.items.map((hour) => [hour.definition, hour]));
  return [
    { head: 'Definition', cell: Name },
    { head: 'Service Status', cell: State },
    ...(isCluster ? [{ head: 'Worker', cell: Worker }] : []),
    { head: 'Transport', cell: ({ transport }) => transport.toUpperCase() },
    { head: 'Last Successful Extract', cell: Extract },
    { head: 'Processing Queue', cell: Queue, number: true },
    { head: 'POP3 Mailbox Queue', cell: Mailbox, number: true },
    {
      head: 'Last hour',
      cell: ({ id }) => {
        const of = hours.get(id);
        return history === undefined ? (
          ''
        ) : (
          <Sparkline received={of?.received ?? quiet} archived={of?.archived ?? quiet} />
        );
      },
    },
  ];
}

const quiet: readonly number[] = Array.from({ length: 60 }, () => 0);

function Name({ id, description }: Status) {
  return (
    <>
      <a href={`/journaling/${encodeURIComponent(id)}`}>
        <Foreign text={description} />
      </a>
      <span class="under mono">{id}</span>
    </>
  );
}

function State(status: Status) {
  const { since, hint, patience, warnings } = status;
  return (
    <>
      <ServicePill status={status} />
      {since !== null && (
        <span class="soft">
          {' '}
          since <Time at={since} />
        </span>
      )}
      {hint !== null && (
        <span class="under hint">
          <Advice text={hint} />
        </span>
      )}
      {patience !== null && (
        <span class="under warning">
          <PatienceLine patience={patience} />
        </span>
      )}
      {warnings.map(({ code, text }) => (
        <span key={code + text} class="under warning">
          <Advice text={text} />
        </span>
      ))}
    </>
  );
}

/** Who runs it; all take its mail. */
function Worker({ worker }: Status) {
  return worker ?? <span class="warning">nobody</span>;
}

/** An empty mailbox is a successful run, so of a mailbox it says when a message came as well. */
function Extract({ transport, lastSuccessfulExtract, lastMessageAt }: Status) {
  return (
    <>
      {lastSuccessfulExtract === null ? 'Awaiting Initial Run' : <Time at={lastSuccessfulExtract} />}
      {transport === 'pop3' && lastSuccessfulExtract !== null && (
        <span class="under">
          {lastMessageAt === null ? (
            'no message yet'
          ) : (
            <>
              last message <Time at={lastMessageAt} />
            </>
          )}
        </span>
      )}
    </>
  );
}

function Queue({ processingQueue: { messages, oldest } }: Status) {
  return (
    <>
      {figure(messages)}
      {oldest !== null && (
        <span class="under">
          oldest <Time at={oldest} />
        </span>
      )}
    </>
  );
}

/** What is pushed has no mailbox. */
function Mailbox({ transport, pop3MailboxQueue, pop3MailboxQueueAt }: Status) {
  if (transport === 'smtp') return '';
  return (
    <>
      {pop3MailboxQueue === null ? '—' : figure(pop3MailboxQueue)}
      {pop3MailboxQueueAt !== null && (
        <span class="under">
          seen <Time at={pop3MailboxQueueAt} />
        </span>
      )}
    </>
  );
}
