import type { JournalStatus } from '../../machines/journal.status.ts';
import type { Figures } from '../../streams/ports.ts';
import type { Status } from '../http/status.schema.ts';
import { isoTime } from './archive-api.ts';
import type { Definition } from './definition-book.types.ts';

/** What one status answer is made of; all of it current, none of it read from disk. */
export interface StatusFacts {
  readonly definition: Definition;
  readonly journal: JournalStatus;
  readonly figures: Figures;
  readonly oldestAt: number | null;
  readonly rejected: number;
  readonly now: number;
}

/** More than this share of L2 to L5 items means that something on the way spoils reports (journaling b.7). */
const suspectShare = 0.05;
const suspectFrom = 20;
const suspendedLongMs = 86_400_000;

/** The Status of interface section 4. */
export function statusView(facts: StatusFacts): Status {
  const { definition, journal, figures, oldestAt, rejected } = facts;
  const { received, archived, matched, skipped, held, quarantined, absorbed } = figures;
  return {
    id: definition.id,
    description: definition.config.description,
    transport: definition.config.transport,
    serviceStatus: journal.serviceStatus,
    since: isoTime(sinceOf(facts)),
    reason: journal.reason,
    hint: journal.hint,
    lastSuccessfulExtract: isoOrNull(lastExtract(facts)),
    lastMessageAt: isoOrNull(figures.lastMessageAt),
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
    warnings: warningsOf(facts),
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

function warningsOf(facts: StatusFacts): Status['warnings'] {
  const { definition, figures, now } = facts;
  const warnings: Status['warnings'][number][] = [];
  const since = isoTime(sinceOf(facts));
  const { received, absorbed, quarantined } = figures;
  const spoilt = absorbed + quarantined;
  if (definition.config.journalType === 'eej' && received >= suspectFrom && spoilt / received > suspectShare) {
    const share = Math.round((spoilt / received) * 100);
    warnings.push({
      code: 'envelope-quality',
      text: `${share} % of the items came without a readable envelope`,
      since,
    });
  }
  const { suspendedSince } = definition;
  if (definition.suspended && suspendedSince !== null && now - suspendedSince > suspendedLongMs) {
    const text = 'suspended for more than a day: Exchange gives reports up after two days, Gmail after eight';
    warnings.push({ code: 'suspended-long', text, since: isoTime(suspendedSince) });
  }
  return warnings;
}

const isoOrNull = (at: number | null): string | null => (at === null ? null : isoTime(at));
