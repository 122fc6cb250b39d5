import type { SnapshotFrom } from 'xstate';
import { hintOf } from './hints.ts';
import type { ServiceStatus } from './journal.events.ts';
import type { journalMachine } from './journal.machine.ts';

export type JournalSnapshot = SnapshotFrom<typeof journalMachine>;

/** The part of the interface's Status (section 4) that the chart knows; times are epoch ms. */
export interface JournalStatus {
  readonly serviceStatus: ServiceStatus;
  readonly since: number;
  /** For `error` the kind of journaling d.5, for `down` `inactivity`; else null. */
  readonly reason: string | null;
  readonly hint: string | null;
  /** What the other side or our own crash said, cleaned; null unless `error`. */
  readonly detail: string | null;
  readonly lastSuccessfulExtractAt: number | null;
  readonly lastMessageAt: number | null;
  readonly failures: number;
  readonly nextRetryAt: number | null;
  readonly nextPollAt: number | null;
  readonly pop3MailboxQueue: number | null;
  readonly pop3MailboxQueueAt: number | null;
  /** SMTP: how long silence is allowed, and when it will be `down` should none come; null while silence is not counted. */
  readonly inactivity: { readonly allowedMs: number; readonly downAt: number | null } | null;
  /** The state value, as `journal.md` names it. */
  readonly machine: JournalSnapshot['value'];
}

interface Reported {
  readonly serviceStatus: ServiceStatus;
  readonly since: number;
  readonly trouble: { readonly kind: string; readonly detail: string } | null;
}

/** Service Status and its companions (journaling a.4). Pure: never waits for an actor or the disk. */
export function statusOf(snapshot: JournalSnapshot): JournalStatus {
  const { context, value } = snapshot;
  const { serviceStatus, since, trouble } = reportedOf(snapshot);
  return {
    serviceStatus,
    since,
    reason: trouble?.kind ?? null,
    hint: trouble === null ? null : hintOf(trouble.kind, trouble.detail),
    detail: serviceStatus === 'error' ? (trouble?.detail ?? null) : null,
    lastSuccessfulExtractAt: context.lastSuccessfulExtractAt,
    lastMessageAt: context.lastMessageAt,
    failures: context.failures,
    nextRetryAt: context.nextRetryAt,
    nextPollAt: context.nextPollAt,
    pop3MailboxQueue: context.mailboxQueue,
    pop3MailboxQueueAt: context.mailboxQueueAt,
    inactivity:
      context.transport === 'smtp' ? { allowedMs: context.inactivityAllowedMs, downAt: downAtOf(context) } : null,
    machine: value,
  };
}

/** What has been listened without a message counts from where it is counted up to. */
function downAtOf({ status, listeningSinceAt, listenedMs, inactivityAllowedMs }: JournalSnapshot['context']) {
  const counts = status === 'active' || status === 'awaiting-initial-run';
  return counts && listeningSinceAt !== null ? listeningSinceAt + Math.max(0, inactivityAllowedMs - listenedMs) : null;
}

/** First rule that holds: Suspended > Error > Down > Awaiting Initial Run > Active. */
function reportedOf(snapshot: JournalSnapshot): Reported {
  const { context } = snapshot;
  const as = (serviceStatus: ServiceStatus, since: number, trouble: Reported['trouble'] = null): Reported => ({
    serviceStatus,
    since,
    trouble,
  });
  if (context.status === 'suspended') return as('suspended', context.since);
  if (snapshot.status === 'error')
    return as('error', context.since, { kind: 'faulted', detail: String(snapshot.error) });
  if (context.status === 'error') return as('error', context.since, context.lastError);
  const fault = context.processingFault;
  if (fault !== null && snapshot.matches({ processing: 'faulted' })) {
    return as('error', fault.at, { kind: 'faulted', detail: fault.detail });
  }
  if (context.status === 'down') return as('down', context.since, { kind: 'inactivity', detail: '' });
  return as(context.status, context.since);
}
