import { exhaustMap, type SchedulerAction, type SchedulerLike, type Subscription, timer } from 'rxjs';
import { type Postgres, serverNow } from './postgres.ts';

/** Clocks of machines run apart by some ms in that time. */
export const askEveryMs = 5_000;
/** What an answer can say is as inexact as its way was long: one that took longer is not believed. */
const believedWithinMs = 2_000;
/** Less is not worth a step. */
const stepMs = 100;

/**
 * The one time of a cluster: that of its database server, and between the server's answers what passes here. So a worker
 * whose own clock is wrong, or is set, judges by the time that all others judge by (`wall` says when a worker by itself
 * would). Steps where the server's clock does, or where another server takes over. By `wall` until the server was asked.
 */
export class ServerClock implements SchedulerLike {
  readonly #wall: SchedulerLike;
  readonly #passed: () => number;
  #heard: { readonly server: number; readonly at: number } | null = null;

  /** `passed`: time that passes whatever becomes of the wall clock, ms. */
  constructor(wall: SchedulerLike, passed: () => number) {
    this.#wall = wall;
    this.#passed = passed;
  }

  now = (): number =>
    this.#heard === null ? this.#wall.now() : Math.floor(this.#heard.server + this.#passed() - this.#heard.at);

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription {
    return this.#wall.schedule(work, delay, state as T);
  }

  /** How far the clock of this machine is ahead of the server's, ms; negative: behind. */
  get aheadMs(): number {
    return this.#wall.now() - this.now();
  }

  /** Asks the server what time it is. @throws what the database throws */
  async ask(postgres: Pick<Postgres, 'run'>): Promise<void> {
    const askedAt = this.#passed();
    const [row] = await postgres.run({ name: 'now', text: `select ${serverNow} as now` });
    const at = this.#passed();
    const wayMs = at - askedAt;
    if (this.#heard !== null && wayMs > believedWithinMs) return;
    const server = Number(row?.['now']) + wayMs / 2;
    if (this.#heard === null || Math.abs(server - this.now()) > Math.max(stepMs, wayMs)) this.#heard = { server, at };
  }

  /** Asks now, and again and again; a server that does not answer is asked the next time. @throws what the first answer throws */
  async follow(postgres: Pick<Postgres, 'run'>): Promise<AsyncDisposable> {
    await this.ask(postgres);
    const asking = timer(askEveryMs, askEveryMs, this.#wall)
      .pipe(exhaustMap(() => this.ask(postgres).catch(() => undefined)))
      .subscribe();
    return { [Symbol.asyncDispose]: async () => asking.unsubscribe() };
  }
}
