import type { Listed } from './listing.ts';
import type { LedgerEntry } from './types.ts';

/** Why an item is blocked that is larger than a message may be: by LIST, or in truth though LIST said less. */
export const tooLarge = 'too-large';
export const largerThanListed = 'larger-than-listed';

/** By LIST. */
export const isTooLarge = ({ listSize }: Listed, maxMessageBytes: number): boolean =>
  listSize !== null && listSize > maxMessageBytes;

/** True for an item that was blocked by its size, and that a limit which was raised since may let in. */
export function mayFit(item: Listed, { reason, seenBytes }: LedgerEntry, maxMessageBytes: number): boolean {
  if (reason === largerThanListed) return seenBytes !== undefined && seenBytes <= maxMessageBytes;
  return reason === tooLarge && !isTooLarge(item, maxMessageBytes);
}
