import type { SpoolItem } from './message.ts';

/** Of what is recorded of each mail beside its lists. */
const mailBytes = 2_048;
const recipientBytes = 200;

/** Roughly the bytes of what is recorded of a mail once it is parsed: a report may name 20,000 people. */
export function weightOf({ parsed }: Pick<SpoolItem, 'parsed'>): number {
  if (parsed === null) return mailBytes;
  const { recipients, unparsed } = parsed;
  return mailBytes + recipients.length * recipientBytes + unparsed.reduce((sum, line) => sum + line.length, 0);
}

/** What is held, recorded or read in one go, by weight; a window of common mail has a third of a megabyte. */
export const batchBytes = 2 * 1024 * 1024;
