import { lookupAddress, peerGroup } from './address.ts';
import type { SmtpLimits } from './limits.ts';
import { type Reply, refusals, replies } from './reply.ts';
import type { SmtpRoute } from './types.ts';

/** What became of tries within the window, by key. A try counts from its start, so that parallel ones are bounded. */
class Tries {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #times = new Map<string, number[]>();

  constructor(windowMs: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Failures and open tries now. */
  count(key: string, now: number): number {
    return this.#recent(key, now).length;
  }

  /** Counts a try; the function it answers takes it back. */
  begin(key: string, now: number): () => void {
    const times = this.#recent(key, now);
    times.push(now);
    this.#times.delete(key);
    this.#times.set(key, times);
    forgetOldest(this.#times, this.#maxKeys);
    return () => {
      const at = times.indexOf(now);
      if (at >= 0) times.splice(at, 1);
      if (times.length === 0) this.#times.delete(key);
    };
  }

  #recent(key: string, now: number): number[] {
    const times = this.#times.get(key) ?? [];
    // One that is still to come was counted before the clock was set back: it would lock its sender out for as long.
    while (times[0] !== undefined && (times[0] <= now - this.#windowMs || times[0] > now)) times.shift();
    return times;
  }
}

/**
 * Failed logins, by address and by account. An address is locked; an account is only slowed, since whoever guesses its
 * password must not keep its owner out: a try waits longer with each failure, and not at all where it comes from an
 * address that has logged in to it before. Accounts that are none count alike.
 */
export class AuthFailures {
  readonly #limits: SmtpLimits;
  readonly #peers: Tries;
  readonly #accounts: Tries;
  /** `account address` of logins that went well, the latest last. */
  readonly #welcome = new Map<string, true>();

  constructor(limits: SmtpLimits) {
    this.#limits = limits;
    this.#peers = new Tries(limits.authWindowMs, limits.authPeers);
    this.#accounts = new Tries(limits.authWindowMs, limits.authPeers);
  }

  /** True while no try from this address is looked at. */
  isLocked(peer: string, now: number): boolean {
    return this.#peers.count(peerGroup(peer), now) >= this.#limits.authFailures;
  }

  /** How long a try at this account has to wait before it is looked at. */
  delayMs(account: string, peer: string, now: number): number {
    const { accountFailures, accountDelayMs, accountMaxDelayMs } = this.#limits;
    const beyond = this.#accounts.count(accountKey(account), now) - accountFailures;
    if (beyond < 0 || this.#welcome.has(welcomeKey(account, peer))) return 0;
    return Math.min(accountMaxDelayMs, accountDelayMs * 2 ** beyond);
  }

  /** Counts a try; the function it answers takes it back. */
  begin(account: string, peer: string, now: number): () => void {
    const takeBack = [this.#peers.begin(peerGroup(peer), now), this.#accounts.begin(accountKey(account), now)];
    return () => {
      for (const each of takeBack) each();
    };
  }

  /** This address has logged in to this account. */
  welcome(account: string, peer: string): void {
    const key = welcomeKey(account, peer);
    this.#welcome.delete(key);
    this.#welcome.set(key, true);
    forgetOldest(this.#welcome, this.#limits.authPeers);
  }
}

/** What is tried as a user name may be 12 KB long, an address is not; longer ones count together by their beginning. */
const accountKey = (account: string): string => account.slice(0, 320);
const welcomeKey = (account: string, peer: string): string => `${accountKey(account)} ${peerGroup(peer)}`;

function forgetOldest(map: Map<string, unknown>, keep: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= keep) break;
    map.delete(oldest);
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

/** What judging a login needs. */
export interface AuthPorts {
  readonly failures: AuthFailures;
  readonly limits: SmtpLimits;
  findRoute(address: string): SmtpRoute | undefined;
  /** As `SmtpPorts.checkDecoy`. */
  checkDecoy(address: string, password: string): unknown;
  /** Resolves after so many ms. */
  pause(ms: number): Promise<void>;
}

/**
 * Judges a login: the user name is a service address, the password that of its definition (journaling a.2). A user who is
 * none takes as long as a wrong password, so that the time of an answer tells nobody which addresses there are.
 */
export async function authenticate(attempt: AuthTry, ports: AuthPorts): Promise<AuthResult> {
  const { failures, limits } = ports;
  const { peer, now } = attempt;
  const address = lookupAddress(attempt.username);
  const account = address.toLowerCase();
  const route = ports.findRoute(address);
  const definitionId = route?.definitionId ?? null;
  if (attempt.triesBefore >= limits.authTries || failures.isLocked(peer, now)) {
    return { ok: false, reply: refusals.authLocked, definitionId };
  }
  const delayMs = failures.delayMs(account, peer, now);
  const takeBack = failures.begin(account, peer, now);
  if (delayMs > 0) await ports.pause(delayMs);
  try {
    if (!route?.requireAuth) await ports.checkDecoy(account, attempt.password);
    else if (await route.verifyPassword(attempt.password)) {
      takeBack();
      failures.welcome(account, peer);
      return { ok: true, identity: account, route };
    }
  } catch {
    takeBack();
    return { ok: false, reply: replies.authTemporary, definitionId };
  }
  const reply = failures.isLocked(peer, now) ? refusals.authLocked : refusals.authFailed;
  return { ok: false, reply, definitionId };
}
