import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** By this header a mail of ours is known again when it comes back as a journal report (journaling c.7). */
export const noticeHeader = 'X-Daybook-Notice';

/** Marks mail that this engine sends, and knows it again; nobody else can make the mark for another Message-ID. */
export interface OwnNotices {
  /** The value of the header for a Message-ID, in its angle brackets. */
  markOf(messageId: string): string;
  isOurs(mark: string, messageId: string): boolean;
}

export function createOwnNotices(key: Uint8Array): OwnNotices {
  const markKey = Buffer.from(hkdfSync('sha256', key, '', 'daybook own notices', 32));
  const digestOf = (messageId: string): Buffer => createHmac('sha256', markKey).update(messageId).digest();
  return {
    markOf: (messageId) => `v1 ${digestOf(messageId).toString('hex')}`,
    isOurs: (mark, messageId) => {
      const [, hex] = /^v1 ([0-9a-f]{64})$/.exec(mark) ?? [];
      return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), digestOf(messageId));
    },
  };
}
