import { firstValueFrom, race, type SchedulerLike, Subject, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import { S3Error } from './s3-answers.ts';
import { type S3Answer, type S3Call, S3Line, type S3Place } from './s3-line.ts';

export interface S3Patience {
  /** For one try, from its first byte to the last of its answer. Default 30 s: 16 MB at 5 Mbit/s. */
  readonly answerWithinMs?: number;
  /** For all tries of one request and the waits between them; no try begins after it. Default 60 s. */
  readonly patienceMs?: number;
  /** Before the second try; doubled before each one after it, a random half of it taken away. Default 100 ms. */
  readonly firstRetryMs?: number;
  /** It grows no longer than this. Default 5 s. */
  readonly maxRetryMs?: number;
}

/** A try that failed and will be made again. */
export interface S3Trouble {
  /** For a person: what was asked for and why it failed. */
  readonly text: string;
  /** The tries so far. */
  readonly tries: number;
  readonly waitMs: number;
}

export interface S3WireOptions extends S3Patience {
  readonly place: S3Place;
  /** Numbers in [0, 1). Spreads the tries of many workers. */
  readonly random: () => number;
  /** Hears of what is tried again; the last failure is thrown. */
  readonly told?: (trouble: S3Trouble) => void;
}

/** While an engine stops: it has 15 s for all that it closes. */
const lastTryMs = 5_000;

/** Requests with patience: what may be otherwise a moment later is asked for again. All of them can be made twice. */
export class S3Wire implements AsyncDisposable {
  readonly #line: S3Line;
  readonly #options: Required<S3Patience> & Pick<S3WireOptions, 'random' | 'told'>;
  readonly #clock: SchedulerLike;
  readonly #hurry$ = new Subject<void>();
  #isHurried = false;

  /** @throws Error that says which option of the place cannot be */
  constructor({ place, ...options }: S3WireOptions, clock: SchedulerLike) {
    const defaults = { answerWithinMs: 30_000, patienceMs: 60_000, firstRetryMs: 100, maxRetryMs: 5_000 };
    this.#options = { ...defaults, ...options };
    this.#clock = clock;
    this.#line = new S3Line(place, this.#options.answerWithinMs, clock);
  }

  /** An answer of 2xx, tried once. @throws S3Error */
  askOnce(call: S3Call): Promise<S3Answer> {
    return this.#line.send(call);
  }

  /** What `read` makes of an answer of 2xx; what it throws counts as the failure of that try. @throws S3Error of the last one */
  async ask<T>(call: S3Call, read: (answer: S3Answer) => T): Promise<T> {
    const begun = this.#clock.now();
    for (let tries = 1; ; tries += 1) {
      try {
        return read(await this.#line.send(call));
      } catch (error) {
        const waitMs = this.#waitAfter(tries);
        const isOver = this.#isHurried || this.#clock.now() + waitMs - begun > this.#options.patienceMs;
        if (!(error instanceof S3Error) || !error.isPassing || isOver) throw error;
        this.#options.told?.({ text: messageOf(error), tries, waitMs });
        await firstValueFrom(race(timer(waitMs, this.#clock), this.#hurry$), { defaultValue: undefined });
        if (this.#isHurried) throw error;
      }
    }
  }

  /**
   * From now on nothing is tried again, and each request has 5 s, those that are under way too: before a close, so that it
   * ends soon. Mail whose end comes while the engine stops is stored yet. Idempotent.
   */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#hurry$.next();
    this.#line.hurry(lastTryMs);
  }

  /** Gives up what is under way. */
  [Symbol.asyncDispose](): Promise<void> {
    this.hurry();
    this.#line.close();
    return Promise.resolve();
  }

  #waitAfter(tries: number): number {
    const { firstRetryMs, maxRetryMs, random } = this.#options;
    const grown = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(tries - 1, 30));
    return Math.ceil(grown * (1 - random() / 2));
  }
}
