import type { JournalStatus } from '../../machines/journal.status.ts';
import type { Figures } from '../../streams/figures.ts';
import type { MatchingOptions } from '../../streams/message.ts';
import type { Status } from '../http/status.schema.ts';
import { isoOrNull, isoTime } from '../time-words.ts';
import type { CanaryView } from './canaries.types.ts';
import { standingOf } from './canary-book.ts';
import type { Definition } from './definition-book.types.ts';
import type { Lapse } from './gaps.ts';
import type { MailboxFact } from './mailbox-facts.ts';
import { patienceOf } from './patience.ts';
import type { Refusal } from './rejections.ts';
import type { UsualSilence } from './usual-silence.ts';
import { warningsOf } from './warnings.ts';

/** A silence, and what is usual at this hour; null while that is not known. */
export interface Silence {
  readonly silentMs: number;
  readonly usual: UsualSilence | null;
}

/** What one status answer is made of; all of it current, none of it read from disk. */
export interface StatusFacts {
  readonly definition: Definition;
  readonly journal: JournalStatus;
  readonly figures: Figures;
  readonly oldestAt: number | null;
  readonly rejected: number;
  /** Mail that is refused now, and why; null: none. */
  readonly refusal: Refusal | null;
  readonly mailbox: MailboxFact;
  /** Of an `smtp` definition that listens: since when nothing has come, and what is usual. */
  readonly silence: Silence | null;
  /** People whom reports no longer name; null: nobody. */
  readonly lapse: Lapse | null;
  /** Null without one. */
  readonly canary: CanaryView | null;
  /** Since when no mail is taken from anybody; null while it is. */
  readonly refusingSince: number | null;
  readonly now: number;
}

/** The Status of interface section 4. */
export function statusView(facts: StatusFacts, matching: Pick<MatchingOptions, 'extendedWaitMs'>): Status {
  const { definition, journal, figures, oldestAt, rejected } = facts;
  const since = sinceOf(facts);
  const { received, archived, matched, skipped, held, quarantined, absorbed } = figures;
  return {
    id: definition.id,
    description: definition.config.description,
    transport: definition.config.transport,
    serviceStatus: journal.serviceStatus,
    since: isoTime(since),
    reason: journal.reason,
    hint: journal.hint,
    lastSuccessfulExtract: isoOrNull(lastExtract(facts)),
    lastMessageAt: isoOrNull(lastMessage(facts)),
    processingQueue: {
      messages: figures.queueMessages,
      bytes: figures.queueBytes,
      oldest: isoOrNull(oldestAt),
      waiting: { delayed: figures.delayed, matching: figures.matching },
    },
    pop3MailboxQueue: journal.pop3MailboxQueue,
    pop3MailboxQueueAt: isoOrNull(journal.pop3MailboxQueueAt),
    counts: { received, archived, matched, skipped, held, quarantined, absorbed, rejected },
    nextPollAt: isoOrNull(journal.nextPollAt),
    nextRetryAt: isoOrNull(journal.nextRetryAt),
    failures: journal.failures,
    patience: patienceView(facts),
    usualSilence: usualView(facts.silence),
    canary: canaryView(facts.canary),
    warnings: warningsOf({ ...facts, since }, matching),
    inactivity:
      journal.inactivity === null
        ? null
        : { allowedMs: journal.inactivity.allowedMs, downAt: isoOrNull(journal.inactivity.downAt) },
    machine: journal.machine as Status['machine'],
  };
}

/** Of a suspension as the log has it: the chart hears of it a moment later, and after a rebuilt index not at all. */
function sinceOf({ definition: { suspendedSince }, journal }: StatusFacts): number {
  return journal.serviceStatus === 'suspended' ? (suspendedSince ?? journal.since) : journal.since;
}

/** By SMTP each accepted message is an extract, and the store knows the last one even after a crash. */
function lastExtract({ definition, journal, figures }: StatusFacts): number | null {
  if (definition.config.transport === 'pop3') return journal.lastSuccessfulExtractAt;
  return figures.lastMessageAt ?? journal.lastSuccessfulExtractAt;
}

/** A canary is no message: what is asked here is when somebody last wrote. */
function lastMessage({ figures: { lastMessageAt }, journal, canary }: StatusFacts): number | null {
  const isCanary = lastMessageAt !== null && canary?.state.last?.cameAt === lastMessageAt;
  return isCanary ? journal.lastMessageAt : lastMessageAt;
}

function canaryView(canary: CanaryView | null): Status['canary'] {
  if (canary === null) return null;
  const { last, underWay, missed, unsent, sent, came, nextAt } = canary.state;
  return {
    standing: standingOf(canary.state),
    sentAt: underWay?.taken === true ? isoTime(underWay.sentAt) : null,
    dueAt: underWay?.taken === true ? isoTime(underWay.dueAt) : null,
    nextAt: isoTime(nextAt),
    lastCameAt: isoOrNull(last?.cameAt ?? null),
    lastTookSeconds: last === null ? null : Math.max(0, Math.round((last.cameAt - last.sentAt) / 1_000)),
    missed,
    unsent: unsent?.said ?? null,
    counts: { sent, came },
  };
}

function patienceView(facts: StatusFacts): Status['patience'] {
  const patience = patienceOf(facts);
  if (patience === null) return null;
  const { since, exchangeUntil, gmailUntil } = patience;
  return { since: isoTime(since), exchangeUntil: isoTime(exchangeUntil), gmailUntil: isoTime(gmailUntil) };
}

function usualView(silence: Silence | null): Status['usualSilence'] {
  const usual = silence?.usual ?? null;
  if (usual === null) return null;
  const { longestMs, limitMs, weeks } = usual;
  return { longestSeconds: Math.round(longestMs / 1_000), limitSeconds: Math.round(limitMs / 1_000), weeks };
}
