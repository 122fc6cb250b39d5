import { duration, minute } from '../time-words.ts';

/** Beyond, the oldest is forgotten: what comes so late is mail like any other. */
const maxMissing = 16;
/** After a refusal it is tried again so soon, or at the next canary where that is sooner. */
const retryMs = 300_000;
/** A clock that is put right by less costs no canary more than this. */
const setBackMs = 60_000;

/** One canary that a server took. Epoch ms. */
export interface SentCanary {
  readonly messageId: string;
  readonly sentAt: number;
  /** Later by as long as nobody listened. */
  readonly dueAt: number;
}
/** The last one whose journal copy came. */
export interface CameCanary {
  readonly sentAt: number;
  readonly cameAt: number;
  readonly late: boolean;
}

/** What is known of the canary of one definition. Plain JSON: it outlives a restart. */
export interface CanaryState {
  /** Where it is sent, and how; another one begins anew. */
  readonly way: string;
  readonly nextAt: number;
  /** Being handed over, or waited for; `taken`: the server has it; `pausedAt`: since when nobody listens. */
  readonly underWay: (SentCanary & { readonly taken: boolean; readonly pausedAt: number | null }) | null;
  /** Not come within the limit, nor since: the newest last. */
  readonly missing: readonly SentCanary[];
  /** How many in a row did not come, and since when the first of them was due. */
  readonly missed: number;
  readonly missedSince: number | null;
  readonly last: CameCanary | null;
  /** Since when the server takes none, and what it says. */
  readonly unsent: { readonly since: number; readonly said: string } | null;
  readonly sent: number;
  readonly came: number;
}
export interface CanaryTimes {
  readonly intervalMs: number;
  readonly limitMs: number;
}

/** What became of it last, the gravest first. */
export const canaryStandings = ['missing', 'unsent', 'late', 'passed', 'waiting'] as const;
export type CanaryStanding = (typeof canaryStandings)[number];

export const newCanary = (way: string, now: number): CanaryState => ({
  way,
  nextAt: now,
  underWay: null,
  missing: [],
  missed: 0,
  missedSince: null,
  last: null,
  unsent: null,
  sent: 0,
  came: 0,
});

export function standingOf({ missed, unsent, last }: CanaryState): CanaryStanding {
  if (missed > 0) return 'missing';
  if (unsent !== null) return 'unsent';
  return last === null ? 'waiting' : last.late ? 'late' : 'passed';
}

/** Rule: what was not taken when the engine ended is sent anew; what was has its limit again, since nobody listened. */
export function resumed(state: CanaryState, { limitMs }: CanaryTimes, now: number): CanaryState {
  const { underWay } = state;
  if (underWay === null) return state;
  if (!underWay.taken) return { ...state, underWay: null, nextAt: now };
  return { ...state, underWay: { ...underWay, dueAt: Math.max(underWay.dueAt, now + limitMs), pausedAt: null } };
}

/** It is being handed over; known before the server has it, since its copy may come first. */
export function sending(state: CanaryState, messageId: string, times: CanaryTimes, now: number): CanaryState {
  const underWay = { messageId, sentAt: now, dueAt: now + times.limitMs, taken: false, pausedAt: null };
  return { ...state, underWay, nextAt: now + times.intervalMs };
}

/** The server has it; its copy may have come already. */
export function taken(state: CanaryState, messageId: string, { limitMs }: CanaryTimes, now: number): CanaryState {
  const { underWay } = state;
  const handed = { ...state, sent: state.sent + 1, unsent: null };
  if (underWay?.messageId !== messageId) return handed;
  return { ...handed, underWay: { ...underWay, sentAt: now, dueAt: now + limitMs, taken: true } };
}

/** The server did not take it: that says nothing of journaling, and must not look as if all were well. */
export function refused(state: CanaryState, said: string, { intervalMs }: CanaryTimes, now: number): CanaryState {
  const unsent = { since: state.unsent?.since ?? now, said };
  return { ...state, underWay: null, unsent, nextAt: now + Math.min(intervalMs, retryMs) };
}

/** A journal copy came into custody at `cameAt`. Of one that is not waited for, or came before, nothing changes. */
export function came(state: CanaryState, messageId: string, cameAt: number): CanaryState {
  const { underWay, missing } = state;
  const isUnderWay = underWay?.messageId === messageId;
  const found = isUnderWay ? underWay : missing.find((each) => each.messageId === messageId);
  if (found === undefined || found === null) return state;
  const last = { sentAt: found.sentAt, cameAt, late: cameAt > found.dueAt };
  const left = missing.filter((each) => each.messageId !== messageId);
  const counted = { ...state, missing: left, came: state.came + 1, underWay: isUnderWay ? null : underWay };
  // An older one that comes behind a newer one says nothing of now.
  if (state.last !== null && state.last.sentAt > found.sentAt) return counted;
  const newer = left.filter(({ sentAt }) => sentAt > found.sentAt);
  return { ...counted, last, missed: newer.length, missedSince: newer[0]?.dueAt ?? null };
}

/** Rule: while nobody listens the limit does not run, as with inactivity (journaling d.3). */
export function heard(state: CanaryState, listens: boolean, now: number): CanaryState {
  const { underWay } = state;
  if (underWay === null || listens === (underWay.pausedAt === null)) return state;
  if (!listens) return { ...state, underWay: { ...underWay, pausedAt: now } };
  const dueAt = underWay.dueAt + now - (underWay.pausedAt ?? now);
  return { ...state, underWay: { ...underWay, dueAt, pausedAt: null } };
}

/**
 * Rule: what was sent or planned by a clock that has been set back since counts no more. Else no canary would go until
 * that time comes again, and all would look well.
 */
export function ofThisClock(state: CanaryState, { intervalMs }: CanaryTimes, now: number): CanaryState {
  const { nextAt, underWay, last } = state;
  const isAhead = (sent: { readonly sentAt: number } | null): boolean => sent !== null && sent.sentAt > now + setBackMs;
  if (nextAt <= now + intervalMs + setBackMs && !isAhead(underWay) && !isAhead(last)) return state;
  return {
    ...state,
    nextAt: Math.min(nextAt, now),
    underWay: isAhead(underWay) ? null : underWay,
    last: isAhead(last) ? null : last,
  };
}

/** True when it should have come by now. */
export const isOverdue = ({ underWay }: CanaryState, now: number): boolean =>
  underWay?.taken === true && underWay.pausedAt === null && now > underWay.dueAt;

/** Rule: one that is due and has not come is missing. */
export function judged(state: CanaryState, now: number): CanaryState {
  const { underWay } = state;
  if (underWay === null || !isOverdue(state, now)) return state;
  const { messageId, sentAt, dueAt } = underWay;
  return {
    ...state,
    underWay: null,
    missing: [...state.missing, { messageId, sentAt, dueAt }].slice(-maxMissing),
    missed: state.missed + 1,
    missedSince: state.missedSince ?? dueAt,
  };
}

/** Rule: the next one goes out when its time has come, somebody listens, and none is under way. */
export const isDue = ({ underWay, nextAt }: CanaryState, listens: boolean, now: number): boolean =>
  listens && underWay === null && now >= nextAt;

export interface CanaryWarning {
  readonly code: 'canary-missing' | 'canary-unsent' | 'canary-late';
  readonly text: string;
  readonly since: number;
}

/** What a person is to hear of it. Never says how long ago: the same state reads the same. */
export function canaryWarnings(state: CanaryState, { limitMs }: CanaryTimes): readonly CanaryWarning[] {
  const { missed, missedSince, missing, unsent, last } = state;
  const warnings: CanaryWarning[] = [];
  const lost = missing.at(-1);
  if (missed > 0 && missedSince !== null && lost !== undefined) {
    const which = missed === 1 ? 'the canary sent at' : `${missed} canaries in a row, the last of them sent at`;
    const text = `${which} ${minute(lost.sentAt)}: no journal copy came within ${duration(limitMs)}, so mail may be delivered there without being journaled`;
    warnings.push({ code: 'canary-missing', text, since: missedSince });
  }
  if (unsent !== null) {
    const text = `the canary cannot be sent (${unsent.said}): until then it says nothing of journaling`;
    warnings.push({ code: 'canary-unsent', text, since: unsent.since });
  }
  if (last?.late === true && missed === 0) {
    const text = `the journal copy of the canary sent at ${minute(last.sentAt)} took ${duration(last.cameAt - last.sentAt)}; ${duration(limitMs)} are allowed`;
    warnings.push({ code: 'canary-late', text, since: last.cameAt });
  }
  return warnings;
}
