import { performance } from 'node:perf_hooks';
import { Registry } from 'prom-client';
import type { SchedulerLike } from 'rxjs';
import { alertKinds } from '../../streams/alert.ts';
import type { EngineApi } from './api.types.ts';
import { clusterMetrics } from './cluster-metrics.ts';
import { definitionMetrics } from './definition-metrics.ts';
import { makers, type Show } from './metric-makers.ts';

/** Prometheus metrics of one engine. Nothing is counted here: each scrape shows the engine's own figures. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Names are `daybook_*` in base units; labels are definition, outcome, reason and state, all few. */
export function createMetrics(api: EngineApi, clock: SchedulerLike): Metrics {
  const registry = new Registry();
  const show = [
    engineMetrics(registry),
    definitionMetrics(registry),
    clusterMetrics(registry),
    processMetrics(registry),
  ];
  return {
    contentType: registry.contentType,
    text: () => {
      for (const each of show) each(api, clock);
      return registry.metrics();
    },
  };
}

function engineMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const build = gauge('daybook_build_info', 'Version of the engine and of Node; the value is 1.', ['version', 'node']);
  const ready = gauge('daybook_ready', '1 while the engine is ready.');
  const warnings = gauge('daybook_engine_warnings', 'Warnings of the engine that hold now.');
  const rejected = counter('daybook_smtp_rejected_total', 'Messages refused and so never received.', [
    'definition',
    'reason',
  ]);
  const showAlerts = alertMetrics(registry);
  const shed = counter('daybook_shed_total', 'Messages and connections put off while overloaded.', ['reason']);
  const anchored = gauge('daybook_anchor_last_success_timestamp_seconds', 'Last head kept at an anchor.', ['anchor']);
  const deleted = counter('daybook_deleted_total', 'Messages received whose mail was deleted, by why.', [
    'definition',
    'rule',
  ]);
  const unread = gauge(
    'daybook_text_index_behind_messages',
    'Messages not found by their text yet; 0 where it is off.',
  );
  const scrubbed = counter('daybook_scrub_bytes_total', 'Bytes read by the scrub.');
  const completed = gauge('daybook_scrub_last_completed_timestamp_seconds', 'End of the last complete scrub.');
  return (api, clock) => {
    showAlerts(api, clock);
    const { engine } = api.status();
    unread.set(engine.textIndex?.behind ?? 0);
    scrubbed.reset();
    scrubbed.inc(engine.scrub.readBytes);
    const { lastCompletedAt } = engine.scrub;
    completed.set(lastCompletedAt === null ? 0 : Date.parse(lastCompletedAt) / 1000);
    anchored.reset();
    for (const { name, lastAt } of engine.anchors) {
      if (lastAt !== null) anchored.set({ anchor: name }, Date.parse(lastAt) / 1000);
    }
    build.set({ version: engine.version, node: process.version }, 1);
    ready.set(engine.ready ? 1 : 0);
    warnings.set(engine.warnings.length);
    shed.reset();
    for (const { reason, count } of api.shed()) shed.inc({ reason }, count);
    rejected.reset();
    for (const { definition, reason, count } of api.rejections())
      rejected.inc({ definition: definition ?? '', reason }, count);
    deleted.reset();
    for (const { definition, rule, count } of api.keeping.deleted())
      deleted.inc({ definition: definition ?? '', rule }, count);
  };
}

function alertMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const open = gauge('daybook_alerts_open', 'Alerts that are not over, by kind.', ['kind']);
  const waiting = gauge('daybook_alerts_unacknowledged', 'Alerts that are not over and that nobody looks after.');
  const sent = counter('daybook_alert_messages_total', 'Messages to a channel, by whether they were taken.', [
    'channel',
    'result',
  ]);
  return ({ alerts }) => {
    const notOver = alerts.all().filter(({ state }) => state !== 'resolved');
    for (const kind of alertKinds) open.set({ kind }, notOver.filter((alert) => alert.kind === kind).length);
    waiting.set(notOver.filter(({ state }) => state === 'open').length);
    sent.reset();
    for (const { name: channel, ...done } of alerts.channels()) {
      sent.inc({ channel, result: 'sent' }, done.sent);
      sent.inc({ channel, result: 'failed' }, done.failed);
    }
  };
}

function processMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const cpu = counter('daybook_process_cpu_seconds_total', 'CPU time of the process, user and system.');
  const resident = gauge('daybook_process_resident_memory_bytes', 'Resident memory of the process.');
  const heap = gauge('daybook_process_heap_bytes', 'Heap in use.');
  const started = gauge('daybook_process_start_time_seconds', 'When the process started.');
  const loop = gauge(
    'daybook_event_loop_utilization_ratio',
    'Share of time the event loop was busy since the last scrape.',
  );
  let seen = performance.eventLoopUtilization();
  return () => {
    const { user, system } = process.cpuUsage();
    cpu.reset();
    cpu.inc((user + system) / 1e6);
    const memory = process.memoryUsage();
    resident.set(memory.rss);
    heap.set(memory.heapUsed);
    started.set(performance.timeOrigin / 1000);
    const now = performance.eventLoopUtilization();
    loop.set(performance.eventLoopUtilization(now, seen).utilization);
    seen = now;
  };
}
