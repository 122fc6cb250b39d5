import { VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

/** A time line for marbles; frames are milliseconds. */
export const marbles = (): TestScheduler => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

/** A clock that stands still until it is told how far to go. Begins at `startAt`, epoch milliseconds. */
export class VirtualClock extends VirtualTimeScheduler {
  readonly #startAt: number;

  constructor(startAt = 0) {
    super();
    this.#startAt = startAt;
    this.now = () => this.#startAt + this.frame;
  }

  /** When the next of what waits is due; undefined: nothing waits. */
  get nextAt(): number | undefined {
    const [next] = this.actions;
    return next === undefined ? undefined : this.#startAt + next.delay;
  }

  /** Runs everything that is due up to and including `at`; then it is `at`. */
  runUntil(at: number): void {
    this.maxFrames = at - this.#startAt;
    this.flush();
    this.frame = Math.max(this.frame, this.maxFrames);
  }
}
