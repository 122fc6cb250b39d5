import { createHmac, randomUUID } from 'node:crypto';
import type { SchedulerLike } from 'rxjs';
import type { Alert } from '../../streams/alert.ts';
import { post } from '../post.ts';
import { isoOrNull } from '../time-words.ts';
import { titleOf } from './alert-words.ts';
import type { Channel, Sending } from './channel.ts';

/** In one call; the rest follows in the next. */
const maxNotices = 100;
/** What a webhook answers is of no interest. */
const maxAnswerBytes = 16_384;

export interface WebhookOptions {
  readonly url: string;
  readonly secret: { reveal(): string };
}

/** Posts alerts as JSON, signed so that the receiver can tell them from anybody's (standardwebhooks.com). */
export function webhookChannel({ url, secret }: WebhookOptions, instance: string, clock: SchedulerLike): Channel {
  const call = async (data: object, { signal }: Sending): Promise<void> => {
    const at = clock.now();
    const timestamp = new Date(at).toISOString();
    const body = Buffer.from(JSON.stringify({ type: 'daybook.alerts', timestamp, data: { instance, ...data } }));
    const headers = signed(body, { id: `msg_${randomUUID()}`, at, secret: secret.reveal() });
    await post({ url, type: 'application/json', body, headers, maxBytes: maxAnswerBytes, signal }, clock);
  };
  return {
    gatherMs: 1_000,
    restMs: 1_000,
    most: maxNotices,
    send: (alerts, sending) => call({ notices: alerts.map(noticeOf) }, sending),
    test: (sending) => call({ test: true, notices: [] }, sending),
  };
}

/** The three headers: an id, the time in seconds, and the HMAC-SHA256 over both and the body. */
export function signed(
  body: Uint8Array,
  { id, at, secret }: { readonly id: string; readonly at: number; readonly secret: string },
): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(at / 1_000));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
}

function noticeOf(alert: Alert): object {
  const { id, step, version, kind, definition, severity, text, advice, acknowledged } = alert;
  const { since, raisedAt, escalatedAt, resolvedAt } = alert;
  return {
    event: step,
    id,
    version,
    kind,
    definition,
    severity,
    title: titleOf(alert),
    text,
    advice,
    since: isoOrNull(since),
    raisedAt: isoOrNull(raisedAt),
    escalatedAt: isoOrNull(escalatedAt),
    acknowledgedAt: isoOrNull(acknowledged?.at ?? null),
    acknowledgedBy: acknowledged?.by ?? null,
    note: acknowledged?.note ?? null,
    resolvedAt: isoOrNull(resolvedAt),
  };
}
