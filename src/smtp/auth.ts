import { lookupAddress, peerGroup } from './address.ts';
import type { SmtpLimits } from './limits.ts';
import { type Reply, refusals, replies } from './reply.ts';
import type { SmtpRoute } from './types.ts';

/** Failed logins of each address within the window. A try counts from its start, so that parallel ones are bounded. */
export class AuthFailures {
  readonly #limits: SmtpLimits;
  readonly #times = new Map<string, number[]>();

  constructor(limits: SmtpLimits) {
    this.#limits = limits;
  }

  /** Failures and open tries of this peer now. */
  count(peer: string, now: number): number {
    return this.#recent(peerGroup(peer), now).length;
  }

  /** Counts a try; the function it answers takes it back. */
  begin(peer: string, now: number): () => void {
    const group = peerGroup(peer);
    const times = this.#recent(group, now);
    times.push(now);
    this.#times.delete(group);
    this.#times.set(group, times);
    for (const oldest of this.#times.keys()) {
      if (this.#times.size <= this.#limits.authPeers) break;
      this.#times.delete(oldest);
    }
    return () => {
      const at = times.indexOf(now);
      if (at >= 0) times.splice(at, 1);
      if (times.length === 0) this.#times.delete(group);
    };
  }

  #recent(group: string, now: number): number[] {
    const times = this.#times.get(group) ?? [];
    while (times[0] !== undefined && times[0] <= now - this.#limits.authWindowMs) times.shift();
    return times;
  }
}

/** One AUTH exchange that has come to the password. */
export interface AuthTry {
  readonly username: string;
  readonly password: string;
  readonly peer: string;
  /** Tries of this connection before this one. */
  readonly triesBefore: number;
  readonly now: number;
}
export type AuthResult =
  | { readonly ok: true; readonly identity: string; readonly route: SmtpRoute }
  | { readonly ok: false; readonly reply: Reply; readonly definitionId: string | null };

/** Judges a login: the user name is a service address, the password that of its definition (journaling a.2). */
export async function authenticate(
  attempt: AuthTry,
  failures: AuthFailures,
  limits: SmtpLimits,
  findRoute: (address: string) => SmtpRoute | undefined,
): Promise<AuthResult> {
  const address = lookupAddress(attempt.username);
  const route = findRoute(address);
  const definitionId = route?.definitionId ?? null;
  if (attempt.triesBefore >= limits.authTries || failures.count(attempt.peer, attempt.now) >= limits.authFailures) {
    return { ok: false, reply: refusals.authLocked, definitionId };
  }
  const takeBack = failures.begin(attempt.peer, attempt.now);
  try {
    if (route?.requireAuth && (await route.verifyPassword(attempt.password))) {
      takeBack();
      return { ok: true, identity: address.toLowerCase(), route };
    }
  } catch {
    takeBack();
    return { ok: false, reply: replies.authTemporary, definitionId };
  }
  const locked = failures.count(attempt.peer, attempt.now) >= limits.authFailures;
  return { ok: false, reply: locked ? refusals.authLocked : refusals.authFailed, definitionId };
}
