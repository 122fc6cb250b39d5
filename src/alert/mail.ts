import { randomUUID } from 'node:crypto';
import type { SchedulerLike } from 'rxjs';
import type { Channel, Sending } from './channel.ts';
import { type MailText, mailText } from './mail-text.ts';
import { noticeHeader, type OwnNotices } from './own-notice.ts';
import { domainOf, type MailServer, sendMail } from './send-mail.ts';

export interface MailOptions extends MailServer {
  readonly from: string;
  readonly to: readonly string[];
}

export interface MailParts {
  /** The name of the machine, in the subject. */
  readonly instance: string;
  readonly notices: OwnNotices;
  readonly clock: SchedulerLike;
}

/**
 * Sends alerts by mail over SMTP. Each carries `Auto-Submitted: auto-generated` (RFC 3834), so that nobody's out-of-office
 * answers it, and our own mark, by which it is known when it is journaled back.
 */
export function mailChannel(options: MailOptions, { instance, notices, clock }: MailParts): Channel {
  const deliver = async ({ subject, text }: MailText, sending: Sending): Promise<void> => {
    const messageId = `<${randomUUID()}@${domainOf(options.from)}>`;
    const headers = {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      [noticeHeader]: notices.markOf(messageId),
    };
    const { from, to } = options;
    const date = new Date(clock.now());
    await sendMail(options, { from, to: [...to], subject, text, messageId, date, headers }, { ...sending, clock });
  };
  const testText = 'This is a test. If you read it, alerts reach you.\n';
  return {
    gatherMs: 10_000,
    restMs: 300_000,
    most: Number.POSITIVE_INFINITY,
    send: (alerts, sending) => deliver(mailText(alerts, instance), sending),
    test: (sending) => deliver({ subject: `[Daybook ${instance}] a test`, text: testText }, sending),
  };
}
