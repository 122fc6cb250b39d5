import { EngineFailure } from '../../streams/failure.ts';
import { SessionOver } from './pop3-failure.ts';

/** Items whose work has begun and not ended. */
export interface FlightLimits {
  readonly items: number;
  readonly bytes: number;
}

/** Why no more is begun, before all was. */
export type Stop = { readonly kind: 'paused' } | { readonly kind: 'failed'; readonly failure: EngineFailure };

/** An item of which nothing is known counts as this much. */
const unlistedBytes = 64 * 1024;

/**
 * The work on several items at once: the next one begins while earlier ones are on their way to the disk. Bounded by
 * items and by their listed bytes; one that is larger goes alone.
 */
export class Flight {
  stop: Stop | null = null;
  readonly #limits: FlightLimits;
  #items = 0;
  #bytes = 0;
  #error: unknown;
  #broken = false;
  #landed: (() => void) | null = null;

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  /** Listed bytes under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Waits until one more may begin; false when none may any more. */
  async room(listSize: number | null): Promise<boolean> {
    const bytes = listSize ?? unlistedBytes;
    while (this.#items > 0 && !this.#ended) {
      const fits = this.#items < this.#limits.items && this.#bytes + bytes <= this.#limits.bytes;
      if (fits) break;
      await this.#landing();
    }
    return !this.#ended;
  }

  begin(listSize: number | null, work: Promise<'done' | 'paused'>): void {
    const bytes = listSize ?? unlistedBytes;
    this.#items += 1;
    this.#bytes += bytes;
    const land = (): void => {
      this.#items -= 1;
      this.#bytes -= bytes;
      this.#landed?.();
      this.#landed = null;
    };
    work.then(
      (end) => {
        if (end === 'paused') this.stop ??= { kind: 'paused' };
        land();
      },
      (error: unknown) => {
        this.#fail(error);
        land();
      },
    );
  }

  /** Waits for all that was begun. @throws what ended the session, the first of it */
  async landed(): Promise<void> {
    while (this.#items > 0) await this.#landing();
    if (this.#broken) throw this.#error;
  }

  get #ended(): boolean {
    return this.stop !== null || this.#broken;
  }

  /** A failure of ours leaves the session as it is: the deletions so far are still worth a QUIT. */
  #fail(error: unknown): void {
    if (error instanceof EngineFailure) {
      if (this.stop?.kind !== 'failed') this.stop = { kind: 'failed', failure: error };
      return;
    }
    // Commands behind the one that ended the session are told at once, and know nothing.
    if (!this.#broken || this.#error instanceof SessionOver) this.#error = error;
    this.#broken = true;
  }

  #landing(): Promise<void> {
    return new Promise((resolve) => {
      this.#landed = resolve;
    });
  }
}
