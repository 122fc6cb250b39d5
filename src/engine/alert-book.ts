import type { Acknowledgement, Alert, AlertKind, AlertStep, Trouble } from '../../streams/alert.ts';
import type { NewId } from '../../streams/ports.ts';
import { troubleKey } from './troubles.ts';

/** Told again this often until somebody acknowledges it (journaling d.2): what is urgent each hour, the rest once a day. */
export const askAgainMs = { error: 3_600_000, warning: 86_400_000 } as const;
/** After so many notices that nobody acknowledged, the next one goes to those who hear of escalations too (d.2). */
export const escalateAfter = 5;
/** So long a trouble has to be away until it counts as ended: what comes and goes is one alert. */
const calmMs = 60_000;
/** What only a session with the server shows is not seen for a while after a start. */
const slowCalmMs = 2 * 3_600_000;
const slowKinds: readonly AlertKind[] = ['mailbox', 'certificate'];
/** Beyond, a new trouble waits for another one to end: ten thousand mailboxes of one dead server need no more lines. */
export const maxOpen = 1_000;
/** Ended ones that are kept for those who ask later. */
const maxEnded = 200;
const endedKeptMs = 7 * 86_400_000;

/** A step that an alert took at one look. */
export interface Stepped {
  readonly step: AlertStep;
  readonly alert: Alert;
}

/** The alerts after a look, in the order in which they were raised, and the steps they took at it. */
export interface Looked {
  readonly alerts: readonly Alert[];
  readonly steps: readonly Stepped[];
}

/** Rule: what one look at the troubles makes of the alerts. Pure; time is `now` alone, so a restart changes nothing. */
export function follow(
  before: readonly Alert[],
  troubles: readonly Trouble[],
  { now, newId }: { readonly now: number; readonly newId: NewId },
): Looked {
  const present = new Map(troubles.map((trouble) => [troubleKey(trouble), trouble]));
  const open = before.filter(isOpen);
  const followed = before.map((alert) => (isOpen(alert) ? next(alert, present.get(troubleKey(alert)), now) : alert));
  const known = new Set(open.map(troubleKey));
  const fresh = troubles
    .filter((trouble) => !known.has(troubleKey(trouble)))
    .toSorted((one, other) => Number(other.severity === 'error') - Number(one.severity === 'error'))
    .slice(0, Math.max(0, maxOpen - open.length))
    .map((trouble) => raised(trouble, newId(), now));
  const steps = [...followed.filter((alert, at) => alert.version !== before[at]?.version), ...fresh];
  return {
    alerts: kept([...followed, ...fresh], now),
    steps: steps.map((alert) => ({ step: alert.step, alert })),
  };
}

export const isOpen = ({ resolvedAt }: Alert): boolean => resolvedAt === null;

/** Rule: what was open at the end of the last life counts as seen now: it is looked for before it is called over. */
export const seenAt = (alerts: readonly Alert[], now: number): readonly Alert[] =>
  alerts.map((alert) => (isOpen(alert) ? { ...alert, seenAt: now } : alert));

/** Somebody looks after it: nobody is asked again. */
export const acknowledge = (alert: Alert, acknowledged: Acknowledgement): Alert => ({
  ...step(alert, 'acknowledged'),
  acknowledged,
});

const step = (alert: Alert, said: AlertStep): Alert => ({ ...alert, step: said, version: alert.version + 1 });
const asking = (alert: Alert, said: AlertStep, now: number): Alert => ({
  ...step(alert, said),
  asked: alert.asked + 1,
  askedAt: now,
  acknowledged: null,
});

function raised(trouble: Trouble, id: string, now: number): Alert {
  const asked = { step: 'raised', version: 1, asked: 1, askedAt: now } as const;
  const none = { escalatedAt: null, acknowledged: null, resolvedAt: null } as const;
  return { ...trouble, ...asked, ...none, id, raisedAt: now, seenAt: now };
}

function next(alert: Alert, trouble: Trouble | undefined, now: number): Alert {
  if (trouble === undefined) {
    const calm = slowKinds.includes(alert.kind) && alert.definition !== null ? slowCalmMs : calmMs;
    return now - alert.seenAt >= calm ? { ...step(alert, 'resolved'), resolvedAt: alert.seenAt } : alert;
  }
  // What was seen last stands in an alert that ended: its since is the first of them.
  const since = Math.min(alert.since, trouble.since);
  const seen: Alert = { ...alert, ...trouble, since, seenAt: now, askedAt: Math.min(alert.askedAt, now) };
  if (alert.severity === 'warning' && trouble.severity === 'error') return asking(seen, 'worsened', now);
  const isDue = now - seen.askedAt >= askAgainMs[seen.severity];
  if (!isDue) return { ...seen, figure: alert.figure };
  if (alert.acknowledged !== null) {
    // Acknowledged is what there was. More of it is news, once a day at most.
    const grew = (trouble.figure ?? 0) > (alert.figure ?? 0);
    return grew ? asking(seen, 'worsened', now) : { ...seen, figure: alert.figure };
  }
  if (seen.severity === 'warning') return asking(seen, 'reminded', now);
  if (seen.asked < escalateAfter) return asking(seen, 'reminded', now);
  if (seen.escalatedAt !== null) return asking(seen, 'reminded', now);
  return { ...asking(seen, 'escalated', now), escalatedAt: now };
}

/** All that are open, and the newest of those that ended. */
function kept(alerts: readonly Alert[], now: number): readonly Alert[] {
  const ended = alerts.filter((alert) => !isOpen(alert) && now - (alert.resolvedAt ?? now) < endedKeptMs);
  const dropped = ended.length - maxEnded;
  const stays = new Set(
    ended.toSorted((one, other) => (one.resolvedAt ?? 0) - (other.resolvedAt ?? 0)).slice(Math.max(0, dropped)),
  );
  return alerts.filter((alert) => isOpen(alert) || stays.has(alert));
}
