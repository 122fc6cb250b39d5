import type { AlertKind, AlertSeverity, Trouble } from '../../streams/alert.ts';
import type { Status } from '../http/status.schema.ts';
import { duration, minute } from '../time-words.ts';

/** What one look at the engine shows: its status as the API answers it, and nothing else. */
export interface Look {
  readonly statuses: readonly Status[];
  /** Of the engine as a whole. */
  readonly warnings: Status['warnings'];
  /** Epoch ms. */
  readonly now: number;
}

/** An error is one for people after so many failures, or so long (journaling d.2): most heal by themselves. */
const failuresToTell = 3;
const errorToTellMs = 15 * 60_000;
/** The store opens itself anew within half a minute; what lasts longer needs somebody. */
const storageToTellMs = 60_000;
/** A line that stands still is first a warning: it may catch up. */
const backlogIsUrgentMs = 3_600_000;

/** One canary may be delayed on its way; that a second one in a row did not come is no accident. */
const canariesAreUrgent = 2;

/** Warnings of the status that are troubles, and of which kind. */
const warningKinds: Readonly<Record<string, readonly [kind: AlertKind, severity: AlertSeverity]>> = {
  backlog: ['backlog', 'warning'],
  'queue-high': ['backlog', 'warning'],
  overloaded: ['backlog', 'warning'],
  'held-expired': ['held', 'warning'],
  'blocked-items': ['mailbox', 'warning'],
  'left-on-server': ['mailbox', 'warning'],
  'certificate-ending': ['certificate', 'warning'],
  'suspended-long': ['suspended', 'warning'],
  'secret-lost': ['error', 'error'],
  'envelope-quality': ['quality', 'warning'],
  'suspect-report': ['quality', 'warning'],
  'mail-refused': ['refused', 'warning'],
  'hardly-archived': ['scope', 'warning'],
  'silence-unusual': ['silence', 'warning'],
  'loss-near': ['loss', 'error'],
  'canary-missing': ['canary', 'warning'],
  'canary-unsent': ['canary', 'warning'],
  'canary-late': ['canary', 'warning'],
  'coverage-lapsed': ['gap', 'warning'],
  'disk-low': ['disk', 'warning'],
  'disk-full': ['disk', 'error'],
  storage: ['storage', 'error'],
  database: ['storage', 'error'],
  'database-unsafe': ['standby', 'error'],
  'standby-missing': ['standby', 'error'],
  'standby-none': ['standby', 'warning'],
  'not-run': ['worker', 'error'],
  'index-behind': ['worker', 'warning'],
  'worker-gone': ['worker', 'warning'],
  'not-ready': ['worker', 'error'],
  damaged: ['damage', 'error'],
  'damage-found': ['damage', 'error'],
  'retention-paused': ['clock', 'warning'],
  'clock-off': ['clock', 'warning'],
  'upkeep-failing': ['upkeep', 'warning'],
  'anchor-failing': ['anchor', 'warning'],
  'alert-channel-failing': ['channel', 'warning'],
};

/** Their time is that of the service status: they began when they were seen first. */
const firstSeen: readonly string[] = ['held-expired', 'envelope-quality', 'hardly-archived'];

/** Rule: what is wrong now, one for each kind and definition. What has one cause is told once, whomever it touches. */
export function troublesOf({ statuses, warnings, now }: Look): readonly Trouble[] {
  return together([
    ...statuses.flatMap((status) => [
      ...silence(status, now),
      ...failing(status, now),
      ...quarantined(status, now),
      ...warned(status.warnings, status, now),
    ]),
    ...unbound(statuses, now),
    ...warned(warnings, null, now),
  ]);
}

/** The name of a trouble: it is the same one for as long as this stands. */
export const troubleKey = ({ kind, definition }: Pick<Trouble, 'kind' | 'definition'>): string =>
  `${kind}/${definition ?? ''}`;

function silence(status: Status, now: number): readonly Trouble[] {
  const { id, serviceStatus, since, lastMessageAt, hint } = status;
  if (serviceStatus !== 'down') return [];
  const began = timeOf(since, now);
  const text = silenceText(lastMessageAt === null ? null : Date.parse(lastMessageAt), { began, now });
  const proof = proofOf(status);
  const severity = proof === null ? 'error' : 'warning';
  return [trouble('down', severity, { definition: id, text: `${text}${proof ?? ''}`, advice: hint, since: began })];
}

/** A canary that came through while nothing else did: the way is open, and nobody writes, or the rule is too narrow. */
function proofOf({ canary }: Status): string | null {
  if (canary === null || canary.standing !== 'passed' || canary.lastCameAt === null) return null;
  return `; its canary came through at ${minute(Date.parse(canary.lastCameAt))}, so mail that is journaled arrives: a quiet time, or a journal rule that covers too few`;
}

function silenceText(lastAt: number | null, { began, now }: { readonly began: number; readonly now: number }): string {
  if (lastAt === null) return 'no message has come since it was set up';
  // Only what we sent ourselves can have come since: anything else would have ended it.
  if (lastAt > began) return `still no message; what came at ${minute(lastAt)} was an alert of our own`;
  return `no message for ${duration(now - lastAt)}; the last came at ${minute(lastAt)}`;
}

/** Errors of all definitions at once: of the store, and of the one listener that they share. */
const shared: readonly (string | null)[] = ['storage', 'bind'];

function failing({ id, serviceStatus, reason, since, failures, hint }: Status, now: number): readonly Trouble[] {
  const began = timeOf(since, now);
  if (serviceStatus !== 'error' || shared.includes(reason)) return [];
  if (failures < failuresToTell && now - began < errorToTellMs) return [];
  const tries = failures > 1 ? `, ${failures} tries in a row` : '';
  const text = `the connection has failed (${reason ?? 'unknown'}) since ${minute(began)}${tries}`;
  return [trouble('error', 'error', { definition: id, text, advice: hint, since: began })];
}

function unbound(statuses: readonly Status[], now: number): readonly Trouble[] {
  const waiting = statuses.filter(({ serviceStatus, reason }) => serviceStatus === 'error' && reason === 'bind');
  const [first] = waiting;
  if (first === undefined) return [];
  const since = Math.min(...waiting.map((each) => timeOf(each.since, now)));
  if (first.failures < failuresToTell && now - since < errorToTellMs) return [];
  const text = `the SMTP port could not be opened since ${minute(since)}: ${counted(waiting.length, 'definition')} without mail`;
  return [trouble('error', 'error', { definition: null, text, advice: first.hint, since })];
}

function quarantined({ id, counts: { quarantined: count } }: Status, now: number): readonly Trouble[] {
  if (count === 0) return [];
  const text = `${counted(count, 'message')} could not be read and ${count === 1 ? 'is' : 'are'} kept in quarantine`;
  const advice = '`daybook intake list --state quarantined` shows why; `daybook intake retry ID` tries again.';
  return [trouble('quarantine', 'warning', { definition: id, text, advice, since: now, figure: count })];
}

function warned(warnings: Status['warnings'], status: Status | null, now: number): readonly Trouble[] {
  return warnings.flatMap(({ code, text, since: at }) => {
    const [kind, severity] = Object.hasOwn(warningKinds, code) ? (warningKinds[code] ?? []) : [];
    if (kind === undefined || severity === undefined) return [];
    const since = firstSeen.includes(code) ? now : timeOf(at, now);
    if (kind === 'storage' && now - since < storageToTellMs) return [];
    const isUrgent =
      severity === 'error' ||
      (code === 'backlog' && now - since >= backlogIsUrgentMs) ||
      (code === 'canary-missing' && (status?.canary?.missed ?? 0) >= canariesAreUrgent);
    const figure = code === 'held-expired' ? (status?.counts.held ?? null) : null;
    const facts = { definition: status?.id ?? null, text, advice: adviceOf(code, status), since, figure };
    return [trouble(kind, isUrgent || text.includes(' ended on ') ? 'error' : 'warning', facts)];
  });
}

/** Where one command ends it, or the text does not say what there is to do. */
function adviceOf(code: string, status: Status | null): string | null {
  if (code === 'suspended-long' && status !== null)
    return `\`daybook definitions activate ${status.id}\` takes its mail again.`;
  return code === 'canary-missing'
    ? 'Look whether the journal rule is on, whom it covers, and what waits in the queue of the sending server.'
    : null;
}

/** Two warnings of one kind are one trouble: the older time, the graver severity, both texts. */
function together(troubles: readonly Trouble[]): readonly Trouble[] {
  const known = new Map<string, Trouble>();
  for (const each of troubles) {
    const key = troubleKey(each);
    const before = known.get(key);
    known.set(key, before === undefined ? each : joined(before, each));
  }
  return [...known.values()];
}

const joined = (one: Trouble, other: Trouble): Trouble => ({
  ...one,
  severity: one.severity === 'error' ? 'error' : other.severity,
  text: one.text === other.text ? one.text : `${one.text}; ${other.text}`,
  advice: one.advice ?? other.advice,
  since: Math.min(one.since, other.since),
  figure: one.figure ?? other.figure,
});

const trouble = (
  kind: AlertKind,
  severity: AlertSeverity,
  facts: Omit<Trouble, 'kind' | 'severity' | 'figure'> & { readonly figure?: number | null },
): Trouble => ({ figure: null, ...facts, kind, severity });

const timeOf = (text: string | null, fallback: number): number => (text === null ? fallback : Date.parse(text));

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
