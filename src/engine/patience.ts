import { duration, minute } from '../time-words.ts';
import type { StatusFacts } from './status-board.ts';

const dayMs = 86_400_000;
/**
 * How long a sender keeps a report that it cannot deliver, where nobody has set it otherwise (journaling N6): Exchange by
 * `MessageExpirationTimeout`, Exchange Online up to seven days, Gmail as its help says.
 */
export const patienceMs = { exchange: 2 * dayMs, gmail: 8 * dayMs } as const;
/** Time in which something can still be done. */
const nearMs = 12 * 3_600_000;

/** Since when reports may be waiting at the sender, and when it gives the first of them up. Epoch ms. */
export interface Patience {
  readonly since: number;
  readonly exchangeUntil: number;
  readonly gmailUntil: number;
}

type Facts = Pick<StatusFacts, 'definition' | 'journal' | 'figures' | 'refusingSince'>;

/**
 * Rule: null while mail is taken, and of a mailbox, which keeps its mail. Of a silence nobody knows whether anything waits;
 * at the worst it does since the last message came.
 */
export function patienceOf({ definition, journal, figures, refusingSince }: Facts): Patience | null {
  if (definition.config.transport !== 'smtp') return null;
  const since = waitingSince(definition, journal, figures.lastMessageAt) ?? refusingSince;
  if (since === null) return null;
  return { since, exchangeUntil: since + patienceMs.exchange, gmailUntil: since + patienceMs.gmail };
}

function waitingSince(
  { suspendedSince }: Facts['definition'],
  { serviceStatus, since }: Facts['journal'],
  lastMessageAt: number | null,
): number | null {
  if (serviceStatus === 'suspended') return suspendedSince ?? since;
  if (serviceStatus === 'error') return since;
  return serviceStatus === 'down' ? Math.min(lastMessageAt ?? since, since) : null;
}

/** What to say from half a day before Exchange gives up on; null before. */
export function lossText({ exchangeUntil, gmailUntil }: Patience, now: number): string | null {
  if (now < exchangeUntil - nearMs) return null;
  const gmail = `Gmail ${now < gmailUntil ? 'from' : 'since'} ${minute(gmailUntil)}`;
  if (now >= exchangeUntil)
    return `the first of what waits at the sender is lost: Exchange gives it up since ${minute(exchangeUntil)}, ${gmail}`;
  return `the first of what waits at the sender is lost in ${duration(exchangeUntil - now)}: Exchange gives it up from ${minute(exchangeUntil)}, ${gmail}`;
}

/** Since when it is near. */
export const lossNearAt = ({ exchangeUntil }: Patience): number => exchangeUntil - nearMs;
