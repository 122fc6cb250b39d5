import type { JournalContext, JournalInput, RuntimeRecord } from './journal.events.ts';

const longestInactivityMs = 7 * 24 * 3_600_000;

/** No failure stands: how a suspension (T3), a recovery (T9) and a first start leave these. */
export const noFailure = { failures: 0, lastError: null, nextRetryAt: null, backoffStep: 0 } as const;

/** Derives the context from the definition and its runtime record (d.4, T17). @throws RangeError on an impossible period */
export function contextOf(input: JournalInput): JournalContext {
  const now = input.clock.now();
  const record = input.record ?? freshRecord(now);
  const wasSuspended = record.status === 'suspended';
  return {
    ...record,
    definitionId: input.definitionId,
    transport: input.transport,
    inactivityAllowedMs: checkedPeriod(input.inactivityAllowedMs),
    clock: input.clock,
    listener: input.listener,
    listeningSinceAt: null,
    backoffStep: record.failures,
    nextPollAt: null,
    processingFault: null,
    ...(input.suspended ? { ...noFailure, status: 'suspended', since: wasSuspended ? record.since : now } : {}),
  };
}

/** The runtime record as of `now`, the running minute of listening counted in. */
export function runtimeOf(context: JournalContext, now: number): RuntimeRecord {
  return {
    status: context.status,
    since: context.since,
    firstRunDone: context.firstRunDone,
    lastSuccessfulExtractAt: context.lastSuccessfulExtractAt,
    lastMessageAt: context.lastMessageAt,
    listenedMs: listenedUntil(context, now),
    silenceNoted: context.silenceNoted,
    failures: context.failures,
    lastError: context.lastError,
    nextRetryAt: context.nextRetryAt,
    mailboxQueue: context.mailboxQueue,
    mailboxQueueAt: context.mailboxQueueAt,
  };
}

/** Listening is counted at least once in this time. */
export const listeningTickMs = 60_000;
/** A tick may be this late, and still counts whole. Beyond it the wall clock was set or the machine slept. */
const tickLateMs = 5_000;

/**
 * Time listened without a message. What one tick may add is bounded, so that a wall clock that is set, or a machine
 * that slept, is never taken for silence (reliability 2.5).
 */
export function listenedUntil(context: JournalContext, at: number): number {
  if (context.listeningSinceAt === null) return context.listenedMs;
  const passedMs = at - context.listeningSinceAt;
  const bounded = passedMs > listeningTickMs + tickLateMs ? listeningTickMs : Math.max(0, passedMs);
  return context.listenedMs + bounded;
}

/** A week fits any timer (the limit is 24.8 days); the configuration allows no more, so this is a bug. */
export function checkedPeriod(inactivityAllowedMs: number): number {
  if (inactivityAllowedMs > 0 && inactivityAllowedMs <= longestInactivityMs) return inactivityAllowedMs;
  throw new RangeError(`the period of inactivity must be above 0 and at most 7 days, not ${inactivityAllowedMs} ms`);
}

/**
 * What a journal takes over of the engine that ran its definition before. A listener is each engine's own, and so are its
 * failures; of a mailbox all goes on as it stood. A suspension is the definition's, and was heard of otherwise.
 */
export function resumedContext(context: JournalContext, record: RuntimeRecord, at: number): Partial<JournalContext> {
  const { status, since, failures, lastError, nextRetryAt, ...silence } = record;
  const listeningSinceAt = context.listeningSinceAt === null ? null : at;
  const isPop3 = context.transport === 'pop3';
  const isSame = status !== 'suspended' && (isPop3 || (status !== 'error' && context.failures === 0));
  return {
    ...silence,
    // It may have been saved a while ago, and this engine have heard of more since.
    lastSuccessfulExtractAt: later(context.lastSuccessfulExtractAt, silence.lastSuccessfulExtractAt),
    lastMessageAt: later(context.lastMessageAt, silence.lastMessageAt),
    firstRunDone: context.firstRunDone || silence.firstRunDone,
    ...(isPop3 ? { failures, lastError, nextRetryAt, backoffStep: failures, nextPollAt: null } : {}),
    ...(isSame ? { status, since } : {}),
    listeningSinceAt,
  };
}

const later = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);

/** Of a definition that never ran. */
export function freshRecord(since: number): RuntimeRecord {
  return {
    status: 'awaiting-initial-run',
    since,
    firstRunDone: false,
    lastSuccessfulExtractAt: null,
    lastMessageAt: null,
    listenedMs: 0,
    silenceNoted: false,
    failures: 0,
    lastError: null,
    nextRetryAt: null,
    mailboxQueue: null,
    mailboxQueueAt: null,
  };
}
