import { Facts } from '../parts/facts.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { EngineStatus } from '../wire.types.ts';
import { counted, figure } from '../words.ts';

type Engine = EngineStatus['engine'];
type Cluster = NonNullable<Engine['cluster']>;

/** The workers of a cluster, and its database, as the worker sees them that answers. */
export function ClusterPart({ engine: { worker }, cluster }: { readonly engine: Engine; readonly cluster: Cluster }) {
  return (
    <>
      <h2>Cluster</h2>
      <Facts
        rows={[
          ['This worker', worker],
          ['It does', cluster.duties.map(({ kind, mine }) => `${kind} ${figure(mine)}`).join(', ')],
          ['Log', `${figure(cluster.logSeq)} records`],
          ['Database', <Database key="" {...cluster.database} />],
        ]}
      />
      <Table
        caption="Workers"
        rows={cluster.workers}
        keyOf={({ name }) => name}
        columns={[
          { head: 'Worker', cell: ({ name }) => name },
          { head: 'State', cell: ({ alive }) => (alive ? 'lives' : <span class="warning">gone</span>) },
          { head: 'Version', cell: ({ version }) => version ?? '—' },
          { head: 'Index', cell: Behind },
        ]}
      />
    </>
  );
}

function Behind({ behindRecords, behindSeconds }: Cluster['workers'][number]) {
  if (behindRecords === null) return '—';
  return behindRecords === 0 ? 'complete' : `${counted(behindRecords, 'record')}, ${behindSeconds} s behind`;
}

function Database({ failingSince, isAwaited, standbys }: Cluster['database']) {
  if (failingSince !== null)
    return (
      <span class="warning">
        does not answer since <Time at={failingSince} />
      </span>
    );
  if (isAwaited === null) return 'answers';
  if (!isAwaited) return 'waits for no standby';
  return standbys === null ? 'waits for a standby' : counted(standbys, 'synchronous standby', 'synchronous standbys');
}
