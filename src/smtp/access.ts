import { type Refusal, refusals } from './reply.ts';
import type { SmtpRoute } from './types.ts';

/** What a session has shown of itself when a recipient is judged. */
export interface SessionFacts {
  readonly peer: string;
  readonly secure: boolean;
  /** The service address it logged in as, in look-up form and lower case. */
  readonly identity: string | null;
  /** Of this recipient, in the same form. */
  readonly address: string;
}

/** Why this recipient is refused, in the order of interface section 8; undefined when it is taken. */
export function judgeRecipient(route: SmtpRoute | undefined, session: SessionFacts): Refusal | undefined {
  if (route === undefined) return refusals.unknownAddress;
  if (!route.sourceAllowed(session.peer)) return refusals.source;
  if (route.requireTls && !session.secure) return refusals.tlsMissing;
  if (route.requireAuth && session.identity === null) return refusals.authMissing;
  if (route.requireAuth && session.identity !== session.address) return refusals.otherIdentity;
  if (route.suspended) return refusals.suspended;
  return undefined;
}
