import { VirtualAction, VirtualTimeScheduler } from 'rxjs';

/** One time line of a simulation. `now` is the wall clock, which can be set; frames are time that only passes. */
export class SimClock extends VirtualTimeScheduler {
  readonly #wall: { skewMs: number };
  readonly #startAt: number;
  #wakesAt = 0;

  constructor(startAt: number, wall: { skewMs: number }) {
    super(VirtualAction, Number.POSITIVE_INFINITY);
    this.#startAt = startAt;
    this.#wall = wall;
  }

  override now = (): number => this.#startAt + this.frame + this.#wall.skewMs;

  get nextFrame(): number {
    return Math.max(this.actions[0]?.delay ?? Number.POSITIVE_INFINITY, this.#wakesAt);
  }

  /** Whoever lives by it does nothing for so long; what was due meanwhile comes all at once. */
  sleep(ms: number): void {
    this.#wakesAt = this.frame + ms;
  }

  get isAsleep(): boolean {
    return this.frame < this.#wakesAt;
  }

  /** Runs the one action that is due first. */
  step(): void {
    const action = this.actions.shift();
    if (action === undefined) return;
    // What was due while it slept is late; time does not go back for it.
    if (action.delay >= this.#wakesAt) this.frame = action.delay;
    const error: unknown = action.execute(action.state, action.delay);
    if (error !== undefined) throw error;
  }
}

/**
 * Time lines under one passing of time: the world's, and that of each running engine, which ends with it. A crash drops
 * every timer of the engine at once, and with the timers all that waited for them: nothing of it ever runs again.
 */
export class SimTime {
  readonly world: SimClock;
  readonly #wall = { skewMs: 0 };
  readonly #startAt: number;
  readonly #engines: SimClock[] = [];
  /** How far the wall clock of each engine's machine is from that of the world, ms. */
  readonly #offsMs: readonly number[];
  steps = 0;

  /** One of `offsMs` for each engine that runs beside the others: how far its clock is from that of the world. */
  constructor(startAt: number, offsMs: readonly number[] = [0]) {
    this.#startAt = startAt;
    this.#offsMs = offsMs;
    this.world = new SimClock(startAt, this.#wall);
    for (const at of offsMs.keys()) this.newEngine(at);
  }

  get engine(): SimClock {
    return this.engineAt(0);
  }

  engineAt(at: number): SimClock {
    return this.#engines[at] as SimClock;
  }

  get passedMs(): number {
    return this.world.frame;
  }

  /** A new life of the engine; the timers of the one before never fire. */
  newEngine(at = 0): SimClock {
    const engine = new SimClock(this.#startAt + (this.#offsMs[at] ?? 0), this.#wall);
    engine.frame = this.world.frame;
    this.#engines[at] = engine;
    return engine;
  }

  /** Sets the wall clock; timers do not notice. */
  jump(byMs: number): void {
    this.#wall.skewMs += byMs;
  }

  /** Runs the next action of any line, then lets every promise settle: all I/O here is microtasks and these lines. */
  async step(): Promise<void> {
    let next = this.world;
    for (const engine of this.#engines) if (engine.nextFrame < next.nextFrame) next = engine;
    const frame = next.nextFrame;
    if (frame === Number.POSITIVE_INFINITY) throw new Error('nothing is left to happen');
    this.world.frame = frame;
    for (const engine of this.#engines) engine.frame = frame;
    this.steps += 1;
    next.step();
    await settled();
  }
}

/** Resolves when all microtasks, and those they started, have run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
