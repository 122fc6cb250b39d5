import { createHash, randomBytes } from 'node:crypto';
import type { SchedulerLike } from 'rxjs';
import type { Authenticator, Caller } from './access.ts';

/** A working day: who signs in in the morning is asked again the next. */
export const sessionMs = 12 * 3_600_000;
/** Open at once, some 200 bytes each; beyond it the oldest ends. Only who has a token can open one. */
export const maxSessions = 1024;

/** A browser that has signed in with a token. Its role is that of the token as it stands, not as it was. */
export interface Session {
  readonly caller: Caller;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Sessions of the console, in memory alone: a restart ends them. Of ids and tokens only digests are kept. */
export interface Sessions {
  /** The id is for the cookie and is told once. Undefined for a wrong token. */
  open(token: string): (Session & { readonly id: string }) | undefined;
  /** Undefined once it has ended, has expired, or its token is no longer one. */
  find(id: string): Session | undefined;
  end(id: string): void;
}

/** `authenticator` is asked each time: a token that is taken away takes its sessions with it. */
export function createSessions(authenticator: () => Authenticator, clock: SchedulerLike): Sessions {
  const sessions = new Map<string, { readonly token: string; readonly expiresAt: number }>();
  return {
    open: (token) => {
      const digest = authenticator().digestOf(token);
      const caller = digest === undefined ? undefined : authenticator().callerByDigest(digest);
      if (digest === undefined || caller === undefined) return undefined;
      const [oldest] = sessions.keys();
      if (sessions.size >= maxSessions && oldest !== undefined) sessions.delete(oldest);
      const id = randomBytes(32).toString('base64url');
      const expiresAt = clock.now() + sessionMs;
      sessions.set(keyOf(id), { token: digest, expiresAt });
      return { id, caller, expiresAt };
    },
    find: (id) => {
      const key = keyOf(id);
      const session = sessions.get(key);
      if (session === undefined) return undefined;
      const caller = authenticator().callerByDigest(session.token);
      if (caller !== undefined && clock.now() < session.expiresAt) return { caller, expiresAt: session.expiresAt };
      sessions.delete(key);
      return undefined;
    },
    end: (id) => void sessions.delete(keyOf(id)),
  };
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
