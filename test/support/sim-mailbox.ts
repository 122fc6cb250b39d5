import { type SchedulerLike, timer } from 'rxjs';
import type { TakeContent } from '../../src/pop3/client.ts';
import { Pop3Failure, RefusedCommand } from '../../src/pop3/pop3-failure.ts';
import type { Pop3Session } from '../../src/pop3/session.types.ts';
import { below } from './prng.ts';
import type { SimMail } from './sim-mail.ts';

interface Item {
  readonly mail: SimMail;
  readonly uidl: string;
}
/** The third time it would be blocked, which is a matter for a person (journaling c.8). */
const mostFailures = 2;
/** The time of one command, and what may become of it. `done`: it came through, though its answer may not. */
type Command = (name: string, how?: { readonly done?: () => void; readonly lossy?: number }) => Promise<void>;

/** What a mailbox and its line do to a session. */
export interface MailboxPlan {
  /** Share of the answers that are refused, or never arrive. */
  readonly lossy: number;
  /** UIDL is not known here, or says the same of every item. */
  readonly uidl: 'honest' | 'missing' | 'same';
}

/**
 * A POP3 mailbox outside of the engine, which outlives each of its lives (RFC 1939): what is deleted in a session goes
 * when its QUIT has come, whether or not the answer arrives. Told of everything that is gone for good.
 */
export class SimMailbox {
  readonly #random: () => number;
  readonly #gone: (mail: SimMail) => void;
  #items: readonly Item[] = [];
  #given = 0;
  /** How often RETR failed, by size: what has no UIDL of its own goes by that. */
  readonly #failures = new Map<number, number>();
  plan: MailboxPlan = { lossy: 0, uidl: 'honest' };

  constructor(random: () => number, gone: (mail: SimMail) => void) {
    this.#random = random;
    this.#gone = gone;
  }

  get size(): number {
    return this.#items.length;
  }

  put(mail: SimMail): void {
    this.#given += 1;
    this.#items = [...this.#items, { mail, uidl: `u${this.#given}` }];
  }

  /** One session on the clock of one life: when that life ends, nothing of it is ever answered again. */
  async session(clock: SchedulerLike): Promise<Pop3Session> {
    const listing = this.#items;
    const deleted = new Set<Item>();
    let over: Pop3Failure | null = null;
    const command: Command = async (name, { done = () => undefined, lossy = this.plan.lossy } = {}) => {
      await new Promise<void>((resolve) => timer(1 + below(this.#random, 20), clock).subscribe(() => resolve()));
      if (over !== null) throw over;
      const chance = this.#random();
      if (chance < lossy / 3) throw new RefusedCommand(`-ERR not now: ${name}`);
      if (chance >= lossy * (2 / 3)) done();
      if (chance >= lossy) return;
      over = new Pop3Failure('protocol', `connection lost: ${name}`);
      throw over;
    };
    const itemOf = (n: number): Item => {
      const item = listing[n - 1];
      if (item === undefined || deleted.has(item)) throw new RefusedCommand('-ERR no such message');
      return item;
    };
    await command('PASS');
    return {
      peer: '192.0.2.9',
      tlsVersion: null,
      capabilities: new Set(),
      pipelined: false,
      count: async () => {
        await command('STAT');
        return listing.length;
      },
      list: async () => {
        await command('UIDL');
        const { uidl: named } = this.plan;
        return listing.map(({ mail, uidl }, at) => ({
          n: at + 1,
          uidl: named === 'missing' ? null : named === 'same' ? 'same' : uidl,
          listSize: mail.bytes.length,
          unique: named === 'honest',
        }));
      },
      top: async (n) => {
        await command('TOP');
        const { bytes } = itemOf(n).mail;
        return bytes.subarray(0, Math.max(0, bytes.indexOf('\r\n\r\n')) + 4);
      },
      retrieve: (n, content) => this.#retrieve(itemOf(n).mail, content, command),
      delete: (n) => {
        const item = itemOf(n);
        return command('DELE', { done: () => void deleted.add(item) });
      },
      quit: () => command('QUIT', { done: () => this.#remove(deleted) }),
      close: () => {
        over ??= new Pop3Failure('protocol', 'session closed');
      },
    };
  }

  /** In two pieces, between which the line may break. */
  async #retrieve({ bytes }: SimMail, content: TakeContent, command: Command): Promise<void> {
    const cut = below(this.#random, bytes.length + 1);
    const failures = this.#failures.get(bytes.length) ?? 0;
    const lossy = failures < mostFailures ? this.plan.lossy : 0;
    try {
      await command('RETR', { lossy });
      await content(Buffer.from(bytes.subarray(0, cut)));
      await command('RETR, the rest', { lossy });
      await content(Buffer.from(bytes.subarray(cut)));
    } catch (error) {
      this.#failures.set(bytes.length, failures + 1);
      // Half of a message is no answer: there is no -ERR behind it.
      const isHalf = error instanceof RefusedCommand && error.message.endsWith('rest');
      throw isHalf ? new Pop3Failure('protocol', 'connection lost: RETR') : error;
    }
  }

  #remove(deleted: ReadonlySet<Item>): void {
    this.#items = this.#items.filter((item) => !deleted.has(item));
    for (const { mail } of deleted) this.#gone(mail);
  }
}
