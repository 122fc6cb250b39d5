import { createHash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** How every secret reads wherever a person or a program looks (interface section 3). */
export const secretMask = '********';

/**
 * A password, token or key. It prints as {@link secretMask} in text, JSON and inspection; only `reveal` gives it,
 * so every place that uses one can be found by that word.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself, for the one call that needs it. Never keep or log the result. */
  reveal(): string {
    return this.#value;
  }

  /** Compares in a time that does not depend on where the two differ. */
  equals(candidate: string): boolean {
    return timingSafeEqual(digest(this.#value), digest(candidate));
  }

  toString(): string {
    return secretMask;
  }

  toJSON(): string {
    return secretMask;
  }

  [inspect.custom](): string {
    return secretMask;
  }
}

/** Equal length for `timingSafeEqual`, whatever was tried. */
function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
