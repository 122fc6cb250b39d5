import { VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import type { Status } from '../../src/http/status.schema.ts';
import { clusterStatus, noon, status } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';

test('each scrape shows the figures of that moment, in base units, under names of this engine', async () => {
  const clock = new VirtualTimeScheduler();
  clock.now = () => noon;
  const definitions: Status[] = [status(), status({ id: 'gone', lastSuccessfulExtract: null })];
  await using http = httpFixture({ clock });
  const engine = http.engine.api.status();
  http.engine.api.status = () => ({ ...engine, definitions });
  const first = await http.app.inject('/metrics');
  expect(first.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = first.body.split('\n');
  for (const line of [
    'daybook_received_total{definition="exchange-1"} 21',
    'daybook_settled_total{definition="exchange-1",outcome="archived"} 6',
    'daybook_set_aside_messages{definition="exchange-1",outcome="quarantined"} 2',
    '# TYPE daybook_set_aside_messages gauge',
    'daybook_queue_messages{definition="exchange-1"} 1',
    'daybook_queue_bytes{definition="exchange-1"} 75000',
    'daybook_queue_oldest_age_seconds{definition="exchange-1"} 90',
    'daybook_definition_state{definition="exchange-1",state="active"} 1',
    'daybook_definition_state{definition="exchange-1",state="down"} 0',
    `daybook_last_success_timestamp_seconds{definition="exchange-1"} ${noon / 1000}`,
    'daybook_text_index_behind_messages 7',
    'daybook_scrub_bytes_total 4096',
    `daybook_scrub_last_completed_timestamp_seconds ${noon / 1000}`,
    'daybook_smtp_rejected_total{definition="exchange-1",reason="source"} 3',
    'daybook_shed_total{reason="event-loop"} 4',
    `daybook_build_info{version="0.1.0",node="${process.version}"} 1`,
  ]) {
    expect(lines).toContain(line);
  }
  expect(first.body).not.toContain('daybook_last_success_timestamp_seconds{definition="gone"}');
  expect(lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('daybook_'))).toEqual([]);

  const patience = {
    since: new Date(noon).toISOString(),
    exchangeUntil: new Date(noon + 90_000).toISOString(),
    gmailUntil: new Date(noon - 1_000).toISOString(),
  };
  definitions.splice(0, 2, status({ serviceStatus: 'down', patience, counts: { ...status().counts, received: 22 } }));
  const second = (await http.app.inject('/metrics')).body;
  expect(second).toContain('daybook_received_total{definition="exchange-1"} 22\n');
  expect(second).toContain('daybook_definition_state{definition="exchange-1",state="down"} 1\n');
  expect(second).not.toContain('gone');
  expect(second).toContain('daybook_sender_patience_seconds{definition="exchange-1",sender="exchange"} 90\n');
  expect(second).toContain('daybook_sender_patience_seconds{definition="exchange-1",sender="gmail"} -1\n');
  expect(first.body).not.toContain('daybook_sender_patience_seconds{');
});

/** Every series of a counter with its value; Prometheus takes a fall of one for a restart, and adds all of it again. */
function counters(body: string): ReadonlyMap<string, number> {
  const named = [...body.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name);
  const series = [...body.matchAll(/^((\w+)(?:\{.*\})?) (\S+)$/gm)].filter(([, , name]) => named.includes(name));
  return new Map(series.map(([, labelled = '', , value]) => [labelled, Number(value)]));
}

test('no counter falls when mail that was set aside goes through again', async () => {
  await using http = httpFixture();
  const engine = http.engine.api.status();
  const { counts } = status();
  const scrape = async (changed: Partial<Status['counts']>, messages: number): Promise<string> => {
    const processingQueue = { ...status().processingQueue, messages };
    const definitions = [status({ counts: { ...counts, ...changed }, processingQueue })];
    http.engine.api.status = () => ({ ...engine, definitions });
    return (await http.app.inject('/metrics')).body;
  };
  const { skipped, held, quarantined } = counts;
  const aside = { skipped: skipped + 1, held: held + 1, quarantined: quarantined + 1 };
  const before = counters(await scrape(aside, 0));
  const after = counters(await scrape({ skipped, held, quarantined }, 3));
  expect(before.size).toBeGreaterThan(8);
  expect([...before].filter(([series, value]) => (after.get(series) ?? 0) < value)).toEqual([]);
});

test('a worker of a cluster tells of itself, of its index and of the database, and an engine by itself of none of these', async () => {
  await using http = httpFixture();
  const { engine, definitions } = http.engine.api.status();
  const ofCluster = /^(?:# TYPE )?daybook_(?:worker|duties|log|index|database|packs|clock)_?\S*/m;
  expect((await http.app.inject('/metrics')).body).not.toMatch(ofCluster);
  let cluster = clusterStatus();
  http.engine.api.status = () => ({ engine: { ...engine, worker: 'one', cluster }, definitions });
  const told = async () => (await http.app.inject('/metrics')).body.split('\n');
  const lines = await told();
  for (const line of [
    'daybook_worker_info{worker="one"} 1',
    'daybook_duties{kind="definition"} 1',
    'daybook_duties{kind="gateway"} 0',
    'daybook_duties_unheld{kind="definition"} 2',
    'daybook_log_head_records 1234',
    'daybook_index_behind_records 7',
    'daybook_index_behind_seconds 3',
    'daybook_database_up 1',
    'daybook_database_synchronous_standbys 1',
    'daybook_clock_ahead_seconds -2',
    'daybook_packs_swept_total 5',
    'daybook_packs_locked 4',
    `daybook_packs_last_swept_timestamp_seconds ${Date.parse(cluster.packs?.lastSweptAt ?? '') / 1000}`,
  ])
    expect(lines).toContain(line);
  cluster = clusterStatus({
    database: { failingSince: new Date(noon).toISOString(), isAwaited: true, standbys: null, clockAheadSeconds: 0 },
  });
  const later = await told();
  expect(later).toContain('daybook_database_up 0');
  // Not known is not none.
  expect(later.filter((line) => line.startsWith('daybook_database_synchronous_standbys'))).toEqual([]);
});
