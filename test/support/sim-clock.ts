import { VirtualAction, VirtualTimeScheduler } from 'rxjs';

/** One time line of a simulation. `now` is the wall clock, which can be set; frames are time that only passes. */
export class SimClock extends VirtualTimeScheduler {
  readonly #wall: { skewMs: number };
  readonly #startAt: number;

  constructor(startAt: number, wall: { skewMs: number }) {
    super(VirtualAction, Number.POSITIVE_INFINITY);
    this.#startAt = startAt;
    this.#wall = wall;
  }

  override now = (): number => this.#startAt + this.frame + this.#wall.skewMs;

  get nextFrame(): number {
    return this.actions[0]?.delay ?? Number.POSITIVE_INFINITY;
  }

  /** Runs the one action that is due first. */
  step(): void {
    const action = this.actions.shift();
    if (action === undefined) return;
    this.frame = action.delay;
    const error: unknown = action.execute(action.state, action.delay);
    if (error !== undefined) throw error;
  }
}

/**
 * Two time lines under one passing of time: the world's, and the running engine's, which ends with it. A crash drops
 * every timer of the engine at once, and with the timers all that waited for them: nothing of it ever runs again.
 */
export class SimTime {
  readonly world: SimClock;
  readonly #wall = { skewMs: 0 };
  readonly #startAt: number;
  #engine: SimClock;
  steps = 0;

  constructor(startAt: number) {
    this.#startAt = startAt;
    this.world = new SimClock(startAt, this.#wall);
    this.#engine = new SimClock(startAt, this.#wall);
  }

  get engine(): SimClock {
    return this.#engine;
  }

  get passedMs(): number {
    return this.world.frame;
  }

  /** A new life of the engine; the timers of the one before never fire. */
  newEngine(): SimClock {
    this.#engine = new SimClock(this.#startAt, this.#wall);
    this.#engine.frame = this.world.frame;
    return this.#engine;
  }

  /** Sets the wall clock; timers do not notice. */
  jump(byMs: number): void {
    this.#wall.skewMs += byMs;
  }

  /** Runs the next action of either line, then lets every promise settle: all I/O here is microtasks and these lines. */
  async step(): Promise<void> {
    const next = this.world.nextFrame <= this.#engine.nextFrame ? this.world : this.#engine;
    if (next.nextFrame === Number.POSITIVE_INFINITY) throw new Error('nothing is left to happen');
    this.world.frame = next.nextFrame;
    this.#engine.frame = next.nextFrame;
    this.steps += 1;
    next.step();
    await settled();
  }
}

/** Resolves when all microtasks, and those they started, have run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
