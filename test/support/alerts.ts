import type { Alert } from '../../streams/alert.ts';

/** When the alert of the tests was raised: 2026-11-30 03:12 UTC. */
export const raisedAt = Date.UTC(2026, 10, 30, 3, 12);

/** An alert that was just raised: a definition that is down. */
export const alertOf = (members: Partial<Alert> = {}): Alert => ({
  id: 'A1',
  kind: 'down',
  definition: 'exchange',
  severity: 'error',
  text: 'no message for 3 h',
  advice: null,
  since: raisedAt,
  figure: null,
  raisedAt,
  step: 'raised',
  version: 1,
  asked: 1,
  askedAt: raisedAt,
  escalatedAt: null,
  acknowledged: null,
  seenAt: raisedAt,
  resolvedAt: null,
  ...members,
});
