import type { Incoming } from './incoming.ts';
import type { SmtpLimits } from './limits.ts';
import { type Refusal, refusals } from './reply.ts';

/** What the sweep knows of one connection. It keeps the sample of the message it watches. */
export interface Watched {
  readonly incoming: Incoming | undefined;
  /** Opening of the connection, or its last accepted message. */
  readonly lastMailAt: number;
  sample: { readonly at: number; readonly size: number } | undefined;
}

/**
 * Rule: why a connection must be cut now, or undefined. While a message waits for our answer or our disk nothing is
 * the client's fault; the ingest stage has its own deadline for the answer.
 */
export function overdue(watched: Watched, now: number, limits: SmtpLimits): Refusal | undefined {
  const { incoming } = watched;
  if (incoming === undefined) {
    watched.sample = undefined;
    return now - watched.lastMailAt > limits.sessionMs ? refusals.sessionOver : undefined;
  }
  if (incoming.ended) return undefined;
  if (now - incoming.startedAt > limits.dataDeadlineMs) return refusals.tooSlow;
  const sample = watched.sample ?? { at: incoming.startedAt, size: 0 };
  const elapsedMs = now - sample.at;
  if (incoming.blocked) {
    watched.sample = { at: now, size: incoming.size };
    return undefined;
  }
  watched.sample = sample;
  if (elapsedMs < limits.rateWindowMs) return undefined;
  if ((incoming.size - sample.size) * 1000 < limits.rateBytesPerSecond * elapsedMs) return refusals.tooSlow;
  watched.sample = { at: now, size: incoming.size };
  return undefined;
}
