import type { BatchLimits } from './types.ts';

/** A session may end so much later than its time, in parts of it: what was asked for comes, whatever the clock says. */
const overtime = 5;

/**
 * How fast a mailbox gives its items, by the session before: of a slow one no more is asked for at once than comes within a
 * part of a session's time, so that its deletions are confirmed in time too (journaling c.8).
 */
export class Pace {
  readonly #limits: Pick<BatchLimits, 'ms'>;
  #itemMs = 0;

  constructor(limits: Pick<BatchLimits, 'ms'>) {
    this.#limits = limits;
  }

  /** Items that may be asked for at once, one at least. */
  get items(): number {
    return this.#itemMs === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(this.#partMs / this.#itemMs));
  }

  /** A session has taken so long for so many items; one that was over within that part says nothing against a mailbox. */
  note(items: number, tookMs: number): void {
    this.#itemMs = items > 0 && tookMs > this.#partMs ? tookMs / items : 0;
  }

  get #partMs(): number {
    return this.#limits.ms / overtime;
  }
}
