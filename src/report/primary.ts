import { lowerDomain } from '../../streams/match-keys.ts';
import type { AttachedMessage } from './originals.ts';

/** Which original stands for the message, and what there is to say about the choice. */
export interface Choice {
  /** Index of the primary one; null where there is none. */
  readonly primary: number | null;
  /** Index of the clear copy of a rights-protected pair. */
  readonly clearText: number | null;
  readonly flags: readonly string[];
}

/** Journaling b.6; `messageId` is the one the report names, `preferClearText` the option of that name. */
export function choosePrimary(
  found: readonly AttachedMessage[],
  messageId: string | null,
  preferClearText: boolean,
): Choice {
  if (found.length === 0) return { primary: null, clearText: null, flags: [] };
  const guarded = found.filter((message) => message.protected).length;
  if (found.length === 2 && guarded === 1) return choosePair(found, preferClearText);
  const named = messageId === null ? -1 : found.findIndex(({ facts }) => isSameMessageId(facts.messageId, messageId));
  const primary = Math.max(0, named);
  const flags: string[] = [];
  if (found.length === 2) flags.push('two-originals');
  if (found.length > 2) flags.push('many-originals');
  if (preferClearText && found[primary]?.protected === true) flags.push('clear-text-unavailable');
  return { primary, clearText: null, flags };
}

/** Message-IDs are equal when they differ only in the case of the part after the last `@` (journaling c.3). */
export function isSameMessageId(one: string | null, other: string | null): boolean {
  if (one === other) return true;
  if (one === null || other === null) return false;
  return lowerDomain(one) === lowerDomain(other);
}

/** The two copies of one rights-protected message; told apart by what they are, not by their order. */
function choosePair(found: readonly AttachedMessage[], preferClearText: boolean): Choice {
  const clearText = found.findIndex((message) => !message.protected);
  if (preferClearText) return { primary: clearText, clearText, flags: ['rms-protected', 'clear-text-chosen'] };
  return { primary: 1 - clearText, clearText, flags: ['rms-protected'] };
}
