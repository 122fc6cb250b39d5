import type { Registry } from 'prom-client';
import { type Outcome, outcomes } from '../../streams/message.ts';
import { makers, type Show } from './metric-makers.ts';
import { canaryStandings, type Status, serviceStatuses } from './status.schema.ts';

/** What each definition shows. */
export function definitionMetrics(registry: Registry): Show {
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
