import { peerGroup } from './address.ts';
import type { SmtpLimits } from './limits.ts';

/** What is looked at of one connection when there is no seat left. */
export interface Seated {
  readonly peer: string;
  /** Some definition takes mail from its address. */
  readonly maySend: boolean;
  /** Opening of the connection, or its last accepted message. */
  readonly lastMailAt: number;
  readonly incoming: { readonly ended: boolean } | undefined;
}
/** There is a seat, or none, or that of another connection, which has to go. */
export type Seat<T extends Seated> = 'free' | 'none' | { readonly of: T };

/**
 * Who may sit: `maxConnections` at a time, whoever they are. Nobody is refused for the sake of who might come; only when
 * all seats are taken does one give way to a sender that has delivered before, and only one that has brought nothing:
 *
 * - a fifth of the seats, one at least, belongs to addresses that have delivered, once they want them;
 * - of what all others have, one address keeps no more than half against one that comes for the first time;
 * - an address that may not send has no seat that another wants.
 */
export class Seats {
  readonly #limits: SmtpLimits;
  readonly #seats: number;
  /** Addresses that got a 250, the latest last. Kept in memory: after a restart all begin as strangers. */
  readonly #delivered = new Map<string, true>();

  constructor(maxConnections: number, limits: SmtpLimits) {
    this.#seats = maxConnections;
    this.#limits = limits;
  }

  /** This address has got a 250. */
  delivered(peer: string): void {
    const group = peerGroup(peer);
    this.#delivered.delete(group);
    this.#delivered.set(group, true);
    for (const oldest of this.#delivered.keys()) {
      if (this.#delivered.size <= this.#limits.knownSenders) break;
      this.#delivered.delete(oldest);
    }
  }

  hasDelivered(peer: string): boolean {
    return this.#delivered.has(peerGroup(peer));
  }

  /**
   * `open` are all that may send commands, the newcomer among them; where `isFull`, those that sit have all the seats
   * there are.
   */
  for<T extends Seated>(
    newcomer: T,
    open: readonly T[],
    { now, isFull }: { readonly now: number; readonly isFull: boolean },
  ): Seat<T> {
    const seats = isFull ? Math.min(this.#seats, open.length - 1) : this.#seats;
    const group = peerGroup(newcomer.peer);
    if (!newcomer.maySend) {
      const fromThere = open.filter((other) => peerGroup(other.peer) === group).length;
      if (fromThere > this.#limits.unknownPeerConnections) return 'none';
    }
    if (open.length <= seats) return 'free';
    if (!newcomer.maySend) return 'none';
    const others = open.filter((other) => other !== newcomer && other.incoming?.ended !== true);
    const leaving =
      longestWithout(others.filter(({ maySend }) => !maySend)) ?? this.#giving(newcomer, others, { now, seats });
    return leaving === undefined ? 'none' : { of: leaving };
  }

  /** Of those that may send, the one that gives way to this newcomer. */
  #giving<T extends Seated>(
    { peer }: T,
    others: readonly T[],
    { now, seats }: { readonly now: number; readonly seats: number },
  ): T | undefined {
    const strangers = others.filter((other) => !this.hasDelivered(other.peer));
    if (this.hasDelivered(peer)) {
      const kept = Math.ceil(seats * this.#limits.keptShare);
      return strangers.length > seats - kept ? longestWithout(strangers) : undefined;
    }
    const group = peerGroup(peer);
    const counts = new Map<string, number>();
    for (const other of strangers) {
      const from = peerGroup(other.peer);
      counts.set(from, (counts.get(from) ?? 0) + 1);
    }
    if (counts.has(group)) return undefined;
    const [crowd] = [...counts].find(([, count]) => count > seats / 2) ?? [];
    const settled = ({ lastMailAt }: T): boolean => now - lastMailAt > this.#limits.settlingMs;
    return longestWithout(strangers.filter((other) => peerGroup(other.peer) === crowd && settled(other)));
  }
}

/** The one that has been without a message for longest; one in the midst of a message only where all are. */
function longestWithout<T extends Seated>(connections: readonly T[]): T | undefined {
  const idle = connections.filter(({ incoming }) => incoming === undefined);
  const among = idle.length > 0 ? idle : connections;
  return among.reduce<T | undefined>(
    (longest, each) => (longest === undefined || each.lastMailAt < longest.lastMailAt ? each : longest),
    undefined,
  );
}
