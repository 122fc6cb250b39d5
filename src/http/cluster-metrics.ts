import type { Gauge, Registry } from 'prom-client';
import { makers, type Show } from './metric-makers.ts';

/** Metrics of one worker of a cluster. An engine by itself writes none of them: a gauge that is 0 for lack of a cluster would alarm. */
export function clusterMetrics(registry: Registry): Show {
  let show: Show | undefined;
  return (api, clock) => {
    if (api.status().engine.cluster === undefined) return;
    show ??= makeMetrics(registry);
    show(api, clock);
  };
}

function makeMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const info = gauge('daybook_worker_info', 'Name of this worker of a cluster; the value is 1.', ['worker']);
  const duties = gauge('daybook_duties', 'Duties that this worker has: definitions, gateway, archive.', ['kind']);
  const unheld = gauge('daybook_duties_unheld', 'Duties that no worker has, as this one sees it.', ['kind']);
  const end = gauge('daybook_log_head_records', 'Records of the log in the database.');
  const behind = gauge('daybook_index_behind_records', 'Records of the log that the index of this worker lacks.');
  const late = gauge('daybook_index_behind_seconds', 'Age of the oldest record that the index of this worker lacks.');
  const up = gauge('daybook_database_up', '1 while the database answers this worker.');
  const standbys = gauge('daybook_database_synchronous_standbys', 'Those that follow; absent where that is not known.');
  const ahead = gauge(
    'daybook_clock_ahead_seconds',
    'How far the clock of this machine is ahead of that of the database, by which all is judged.',
  );
  const swept = counter('daybook_packs_swept_total', 'Packs that nothing named, removed by this worker.');
  const sweptAt = gauge('daybook_packs_last_swept_timestamp_seconds', 'End of the last sweep by this worker.');
  const locked = gauge(
    'daybook_packs_locked',
    'Packs that are to go and that a lock keeps; of the worker of the archive.',
  );
  return (api) => {
    const { cluster, worker = '' } = api.status().engine;
    if (cluster === undefined) return;
    info.set({ worker }, 1);
    for (const { kind, mine, unheld: nobodys } of cluster.duties) {
      duties.set({ kind }, mine);
      unheld.set({ kind }, nobodys);
    }
    const own = cluster.workers.find(({ name }) => name === worker);
    end.set(cluster.logSeq);
    behind.set(own?.behindRecords ?? 0);
    late.set(own?.behindSeconds ?? 0);
    up.set(cluster.database.failingSince === null ? 1 : 0);
    setIfKnown(standbys, cluster.database.standbys);
    ahead.set(cluster.database.clockAheadSeconds);
    const { packs } = cluster;
    setIfKnown(locked, packs?.locked ?? null);
    swept.reset();
    swept.inc(packs?.swept ?? 0);
    const lastSweptAt = packs?.lastSweptAt ?? null;
    setIfKnown(sweptAt, lastSweptAt === null ? null : Date.parse(lastSweptAt) / 1000);
  };
}

/** Null: it is absent, since 0 would say something. */
function setIfKnown(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove();
  else gauge.set(value);
}
