import type { Alert } from '../../streams/alert.ts';
import { titleOf } from '../alert/alert-words.ts';
import type { AlertAnswer } from '../http/alerts.schema.ts';
import type { AlertsApi } from '../http/alerts.types.ts';
import { isoOrNull, isoTime } from '../time-words.ts';
import { isOpen } from './alert-book.ts';
import type { Alerts } from './alerts.ts';

/** What the API shows of the alerts. */
export function createAlertsApi(alerts: Alerts): AlertsApi {
  const answerOf = (alert: Alert): AlertAnswer => viewOf(alert, alerts.knownBy(alert));
  return {
    all: () => alerts.all().map(answerOf),
    acknowledge: async (id, by) => {
      const answer = await alerts.acknowledge(id, by);
      return typeof answer === 'string' ? answer : answerOf(answer);
    },
    test: (name) => alerts.channels.test(name),
    channels: () => alerts.channels.standings(),
  };
}

function viewOf(alert: Alert, knownBy: readonly string[]): AlertAnswer {
  const { id, kind, definition, severity, text, advice, asked, acknowledged } = alert;
  return {
    id,
    kind,
    definition,
    severity,
    state: stateOf(alert),
    title: titleOf(alert),
    text,
    advice,
    since: isoTime(alert.since),
    raisedAt: isoTime(alert.raisedAt),
    notices: asked,
    lastNoticeAt: isoTime(alert.askedAt),
    escalatedAt: isoOrNull(alert.escalatedAt),
    acknowledgedAt: isoOrNull(acknowledged?.at ?? null),
    acknowledgedBy: acknowledged?.by ?? null,
    note: acknowledged?.note ?? null,
    resolvedAt: isoOrNull(alert.resolvedAt),
    knownBy,
  };
}

function stateOf(alert: Alert): AlertAnswer['state'] {
  if (!isOpen(alert)) return 'resolved';
  return alert.acknowledged === null ? 'open' : 'acknowledged';
}
