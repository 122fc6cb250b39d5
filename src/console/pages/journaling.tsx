import { PageFrame } from '../parts/page-frame.tsx';
import { ServicePill } from '../parts/pill.tsx';
import { Empty, Waiting } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { statuses } from '../stream.ts';
import { figure } from '../words.ts';

/** Services | Journaling: every journal service definition, one a row. */
export function JournalingPage() {
  return (
    <PageFrame title="Services | Journaling">
      <Definitions />
    </PageFrame>
  );
}

function Definitions() {
  const rows = statuses.value;
  if (rows === null) return <Waiting />;
  if (rows.length === 0) return <Empty>No journal service definition has been made yet.</Empty>;
  return (
    <Table
      caption="Journal service definitions"
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        { head: 'Definition', cell: ({ description }) => description },
        { head: 'Service Status', cell: (status) => <ServicePill status={status} /> },
        { head: 'Transport', cell: ({ transport }) => transport.toUpperCase() },
        {
          head: 'Last Successful Extract',
          cell: ({ lastSuccessfulExtract: at }) => (at === null ? 'Awaiting Initial Run' : <Time at={at} />),
        },
        { head: 'Processing Queue', cell: ({ processingQueue }) => figure(processingQueue.messages), number: true },
      ]}
    />
  );
}
