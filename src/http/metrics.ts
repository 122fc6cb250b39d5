import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { SchedulerLike } from 'rxjs';
import { alertKinds } from '../../streams/alert.ts';
import { type Outcome, outcomes } from '../../streams/message.ts';
import type { EngineApi } from './api.types.ts';
import { canaryStandings, type Status, serviceStatuses } from './status.schema.ts';

/** Prometheus metrics of one engine. Nothing is counted here: each scrape shows the engine's own figures. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Names are `daybook_*` in base units; labels are definition, outcome, reason and state, all few. */
export function createMetrics(api: EngineApi, clock: SchedulerLike): Metrics {
  const registry = new Registry();
  const show = [engineMetrics(registry), definitionMetrics(registry), processMetrics(registry)];
  return {
    contentType: registry.contentType,
    text: () => {
      for (const each of show) each(api, clock);
      return registry.metrics();
    },
  };
}

type Show = (api: EngineApi, clock: SchedulerLike) => void;

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

function definitionMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const of = ['definition'];
  const received = counter('daybook_received_total', 'Messages received.', of);
  const showOutcomes = outcomeMetrics(registry);
  const absorbed = counter('daybook_absorbed_total', 'Messages archived without a usable envelope.', of);
  const state = gauge('daybook_definition_state', '1 for the Service Status it has, 0 for the others.', [
    ...of,
    'state',
  ]);
  const gauges = [
    [
      gauge('daybook_queue_messages', 'Messages in the processing queue.', of),
      (s: Status) => s.processingQueue.messages,
    ],
    [gauge('daybook_queue_bytes', 'Bytes in the processing queue.', of), (s: Status) => s.processingQueue.bytes],
    [gauge('daybook_queue_oldest_age_seconds', 'Age of the oldest message in the queue.', of), ageOfOldest],
    [
      gauge('daybook_last_success_timestamp_seconds', 'Last Successful Extract.', of),
      (s: Status) => secondsOf(s.lastSuccessfulExtract),
    ],
    [
      gauge('daybook_last_message_timestamp_seconds', 'Last message received.', of),
      (s: Status) => secondsOf(s.lastMessageAt),
    ],
    [
      gauge('daybook_pop3_mailbox_messages', 'Messages in the POP3 mailbox at the last connection.', of),
      (s: Status) => s.pop3MailboxQueue,
    ],
    [
      gauge('daybook_silence_limit_seconds', 'Silence beyond which a definition is unusually silent at this hour.', of),
      (s: Status) => s.usualSilence?.limitSeconds ?? null,
    ],
    [gauge('daybook_consecutive_failures', 'Failures since the last success.', of), (s: Status) => s.failures],
  ] as const;
  const patience = gauge(
    'daybook_sender_patience_seconds',
    'Until the sender gives up what waits there; below 0 it does.',
    [...of, 'sender'],
  );
  const showCanaries = canaryMetrics(registry);
  return (api, clock) => {
    showCanaries(api, clock);
    showOutcomes(api, clock);
    patience.reset();
    for (const metric of [received, absorbed, state, ...gauges.map(([metric]) => metric)]) metric.reset();
    for (const status of api.status().definitions) {
      const definition = status.id;
      received.inc({ definition }, status.counts.received);
      absorbed.inc({ definition }, status.counts.absorbed);
      for (const each of serviceStatuses) state.set({ definition, state: each }, status.serviceStatus === each ? 1 : 0);
      for (const [sender, until] of patienceOf(status)) {
        patience.set({ definition, sender }, (Date.parse(until) - clock.now()) / 1000);
      }
      for (const [metric, read] of gauges) {
        const value = read(status, clock.now());
        if (value !== null) metric.set({ definition }, value);
      }
    }
  };
}

function canaryMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const of = ['definition'];
  const state = gauge('daybook_canary_state', '1 for what became of the last canary, 0 for the rest.', [
    ...of,
    'state',
  ]);
  const sent = counter('daybook_canary_sent_total', 'Canaries that the mail server took.', of);
  const came = counter('daybook_canary_came_total', 'Canaries whose journal copy came.', of);
  const missed = gauge('daybook_canary_missed', 'Canaries in a row whose journal copy did not come.', of);
  const took = gauge('daybook_canary_seconds', 'How long the journal copy of the last canary that came took.', of);
  const lastCame = gauge('daybook_canary_last_came_timestamp_seconds', 'When a canary last came.', of);
  return (api) => {
    for (const metric of [state, sent, came, missed, took, lastCame]) metric.reset();
    for (const { id: definition, canary } of api.status().definitions) {
      if (canary === null) continue;
      for (const each of canaryStandings) state.set({ definition, state: each }, canary.standing === each ? 1 : 0);
      sent.inc({ definition }, canary.counts.sent);
      came.inc({ definition }, canary.counts.came);
      missed.set({ definition }, canary.missed);
      if (canary.lastTookSeconds !== null) took.set({ definition }, canary.lastTookSeconds);
      if (canary.lastCameAt !== null) lastCame.set({ definition }, secondsOf(canary.lastCameAt) ?? 0);
    }
  };
}

/** What is archived stays so and is counted; what is set aside may go through again, so its figure falls. */
function outcomeMetrics(registry: Registry): Show {
  const { gauge, counter } = makers(registry);
  const labels = ['definition', 'outcome'];
  const settled = counter('daybook_settled_total', 'Messages archived, or matched with what was.', labels);
  const aside = gauge('daybook_set_aside_messages', 'Messages that are skipped, held or quarantined now.', labels);
  return (api) => {
    settled.reset();
    aside.reset();
    for (const { id: definition, counts } of api.status().definitions) {
      for (const outcome of outcomes) {
        if (isFinal(outcome)) settled.inc({ definition, outcome }, counts[outcome]);
        else aside.set({ definition, outcome }, counts[outcome]);
      }
    }
  };
}

const isFinal = (outcome: Outcome): boolean => outcome === 'archived' || outcome === 'matched';

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

function makers(registry: Registry) {
  const registers = [registry];
  return {
    gauge: (name: string, help: string, labelNames: string[] = []) => new Gauge({ name, help, labelNames, registers }),
    counter: (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers }),
  };
}

function patienceOf({ patience }: Status): readonly (readonly [sender: string, until: string])[] {
  if (patience === null) return [];
  return [
    ['exchange', patience.exchangeUntil],
    ['gmail', patience.gmailUntil],
  ];
}

function ageOfOldest({ processingQueue }: Status, now: number): number {
  const { oldest } = processingQueue;
  return oldest === null ? 0 : Math.max(0, (now - Date.parse(oldest)) / 1000);
}

function secondsOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time) / 1000;
}
