import type { SchedulerLike } from 'rxjs';
import type { Sending } from './channel.ts';
import { canaryHeader } from './own-notice.ts';
import { domainOf, type MailServer, sendMail } from './send-mail.ts';

export interface CanaryMail extends MailServer {
  readonly from: string;
  readonly to: string;
  /** The id of the definition that expects it. */
  readonly definition: string;
  /** In its angle brackets. */
  readonly messageId: string;
  readonly mark: string;
}

/** A Message-ID as the sender's own system would make it. `unique`: of `[A-Za-z0-9._-]`. */
export const canaryMessageId = (unique: string, from: string): string => `<canary.${unique}@${domainOf(from)}>`;

/** Resolves once the server has taken it (journaling N5). @throws Error with what the server said, never a password */
export async function sendCanary(
  { from, to, definition, messageId, mark, ...server }: CanaryMail,
  { signal, clock }: Sending & { readonly clock: SchedulerLike },
): Promise<void> {
  const headers = {
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'All',
    [canaryHeader]: mark,
  };
  const subject = `Daybook canary of ${definition}`;
  const text = [
    'Daybook, which keeps the journal of this mail system, sent this mail to see that what is sent here is journaled.',
    'Nobody needs to read it, and it may be deleted.',
    '',
  ].join('\n');
  const mail = { from, to, subject, text, messageId, date: new Date(clock.now()), headers };
  await sendMail(server, mail, { signal, clock });
}
