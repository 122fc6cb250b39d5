import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** By this header an alert of ours is known again when it comes back as a journal report (journaling c.7). */
export const noticeHeader = 'X-Daybook-Notice';
/** By this one a canary is (journaling N5). */
export const canaryHeader = 'X-Daybook-Canary';

/** Marks mail that this engine sends, and knows it again; nobody else can make the mark for another Message-ID. */
export interface OwnNotices {
  /** The value of the header for a Message-ID, in its angle brackets. */
  markOf(messageId: string): string;
  isOurs(mark: string, messageId: string): boolean;
}

/** The mailbox is part of the mark: copied into a mail to somebody else it is none. `to` in comparison form. */
export interface CanaryMarks {
  markOf(canary: MarkedCanary): string;
  isOurs(mark: string, canary: MarkedCanary): boolean;
}
export interface MarkedCanary {
  readonly messageId: string;
  readonly to: string;
}

export const createOwnNotices = (key: Uint8Array): OwnNotices => createMarks(key, 'daybook own notices');

export function createCanaryMarks(key: Uint8Array): CanaryMarks {
  const marks = createMarks(key, 'daybook canaries');
  const textOf = ({ messageId, to }: MarkedCanary): string => `${messageId}\n${to}`;
  return {
    markOf: (canary) => marks.markOf(textOf(canary)),
    isOurs: (mark, canary) => marks.isOurs(mark, textOf(canary)),
  };
}

function createMarks(key: Uint8Array, label: string): OwnNotices {
  const markKey = Buffer.from(hkdfSync('sha256', key, '', label, 32));
  const digestOf = (text: string): Buffer => createHmac('sha256', markKey).update(text).digest();
  return {
    markOf: (text) => `v1 ${digestOf(text).toString('hex')}`,
    isOurs: (mark, text) => {
      const [, hex] = /^v1 ([0-9a-f]{64})$/.exec(mark) ?? [];
      return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), digestOf(text));
    },
  };
}
