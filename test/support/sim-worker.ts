import type { MasterKey } from '../../src/master-key.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { MemoryPacks } from './memory-vault.ts';
import { below } from './prng.ts';
import type { SimTime } from './sim-clock.ts';
import { StatementError } from './sim-database.ts';
import { type EngineParts, SimEngine } from './sim-engine.ts';
import { IndexDisk } from './sim-index.ts';
import { LineError, type LinePlan, SimLine } from './sim-line.ts';
import { Watch } from './sim-look.ts';
import { type Ending, type PowerPlan, SimPower } from './sim-power.ts';
import type { SimServer } from './sim-server.ts';
import { openWorker } from './sim-worker-backend.ts';

/** What befalls one life of a worker. */
export interface LifePlan {
  readonly power: PowerPlan;
  readonly line: LinePlan;
  /** Null: it is the last. */
  readonly ending: { readonly how: Ending; readonly withinMs: number } | null;
  /** How long it sleeps where its line says that it does, ms. */
  readonly sleepMs: number;
}
export interface WorkerParts
  extends Pick<EngineParts, 'settings' | 'mailbox' | 'random' | 'newId' | 'plant' | 'broke'> {
  /** The object storage that bodies lie in; null: they lie in the database. */
  readonly packs: MemoryPacks | null;
  /** Encrypts the log; null: it is in clear. */
  readonly master: MasterKey | null;
  readonly name: string;
  /** Number of its time line. */
  readonly at: number;
  readonly time: SimTime;
  readonly server: SimServer;
  readonly planLife: () => LifePlan;
  readonly say: (line: string) => void;
  /** A life has ended; not told of a start that came to nothing. */
  readonly ended: (how: Ending) => void;
  readonly slept: () => void;
}

/** One machine of a cluster: its index outlives its lives, and a supervisor starts it again whenever one has ended. */
export class SimWorker {
  readonly watch = new Watch();
  readonly lives = new Set<SimEngine>();
  engine: SimEngine | null = null;
  readonly #parts: WorkerParts;
  #index = new IndexDisk();
  #power: SimPower;
  #line: SimLine;
  #starting = false;
  #endsWith: unknown = null;
  /** Of lives before this one. */
  #unheard = 0;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    [this.#power, this.#line] = this.#connect(parts.planLife());
  }

  get name(): string {
    return this.#parts.name;
  }

  get line(): SimLine {
    return this.#line;
  }

  get unheard(): number {
    return this.#unheard + this.#line.unheard;
  }

  /** Up, and answers. */
  get isAwake(): boolean {
    return this.engine !== null && !this.engine.failed && !this.#parts.time.engineAt(this.#parts.at).isAsleep;
  }

  /** What a connection from outside comes to; one that sleeps answers nobody. */
  get reached(): SimEngine | null {
    return this.isAwake ? this.engine : null;
  }

  /** To be called after each step of time. */
  look(): void {
    const { random } = this.#parts;
    if (this.#power.crashed) this.#crash(random() < 0.5 ? 'kill' : 'power-cut');
    else if (this.engine?.failed === true) this.#planEnding('kill', 500);
  }

  /** Starts over what the index holds; the start takes time and can itself be cut off. */
  boot(): void {
    if (this.#starting || this.engine !== null) return;
    this.#starting = true;
    const { at, time, planLife } = this.#parts;
    const clock = time.newEngine(at);
    const plan = planLife();
    [this.#power, this.#line] = this.#connect(plan);
    const power = this.#power;
    if (plan.ending !== null) this.#planEnding(plan.ending.how, plan.ending.withinMs);
    this.open(this.#index).then(
      (engine) => {
        if (clock !== time.engineAt(at) || power.crashed) return;
        this.#starting = false;
        this.engine = engine;
        this.lives.add(engine);
        this.#say(`up at record ${engine.store.log.head.seq}`);
      },
      (error: unknown) => {
        if (clock !== time.engineAt(at)) return;
        this.#starting = false;
        if (!isPlanned(error)) return this.#parts.broke(String(error));
        this.#say(`does not start: ${String(error)}`);
        this.#restart(null);
      },
    );
  }

  async open(index: IndexDisk, name = this.name): Promise<SimEngine> {
    const { at, time, settings, plant, packs, master, mailbox, random, newId, broke } = this.#parts;
    const clock = time.engineAt(at);
    const common = { settings, plant };
    const own = { index, power: this.#power, line: this.#line, worker: name, packs, master };
    const backend = await openWorker({ ...common, ...own, clock });
    return SimEngine.start(backend, { ...common, mailbox, random, newId, broke });
  }

  /** From now on nothing befalls it, and nothing takes time. */
  calm(power: PowerPlan, line: LinePlan): void {
    this.#power.plan = power;
    this.#line.plan = line;
  }

  halt(): void {
    this.engine?.halt();
    this.engine = null;
  }

  #connect({ power: powerPlan, line, sleepMs }: LifePlan): [SimPower, SimLine] {
    const { at, time, server, random, plant, slept } = this.#parts;
    const clock = time.engineAt(at);
    const power = new SimPower(clock, random, powerPlan);
    const sleep = (): void => {
      if (clock !== time.engineAt(at)) return;
      this.#say(`sleeps for ${sleepMs} ms`);
      clock.sleep(sleepMs);
      slept();
    };
    return [power, new SimLine({ server, clock, power, random, plant, sleep }, line)];
  }

  /** Ends this life within `withinMs`, if nothing else has by then. */
  #planEnding(ending: Ending, withinMs: number): void {
    const { at, time, random } = this.#parts;
    const life = time.engineAt(at);
    if (this.#endsWith === life && withinMs <= 500) return;
    if (withinMs <= 500) this.#endsWith = life;
    time.world.schedule(() => {
      if (life === time.engineAt(at)) this.#end(ending);
    }, 1 + below(random, withinMs));
  }

  #end(ending: Ending): void {
    const { at, time } = this.#parts;
    const { engine } = this;
    if (ending !== 'stop' || engine === null || !this.isAwake) {
      this.#crash(ending === 'power-cut' ? ending : 'kill');
      return;
    }
    this.#say('stop');
    const life = time.engineAt(at);
    this.halt();
    const over = (): void => {
      if (life === time.engineAt(at)) this.#restart('stop');
    };
    engine.close().then(over, over);
  }

  /** Memory is gone at once. A power cut takes what no sync of the index has covered, or part of it. */
  #crash(ending: 'kill' | 'power-cut'): void {
    const { random } = this.#parts;
    this.halt();
    const lost = ending === 'kill' ? 0 : below(random, this.#index.unsynced + 1);
    this.#say(`${ending}: ${lost} of ${this.#index.unsynced} index batches lost`);
    this.#index = this.#index.after(lost);
    this.#restart(ending);
  }

  /** `how` its life has ended; null: it had not begun. */
  #restart(how: Ending | null): void {
    const { at, time, random, ended } = this.#parts;
    this.#unheard += this.#line.unheard;
    this.#line.end();
    time.newEngine(at);
    [this.#power, this.#line] = this.#connect({ ...this.#parts.planLife(), ending: null });
    this.#starting = false;
    if (how !== null) ended(how);
    time.world.schedule(() => this.boot(), 10 + below(random, 3_000));
  }

  #say(line: string): void {
    this.#parts.say(`${this.name}: ${line}`);
  }
}

/** What the plan broke may end a start; the supervisor tries again. Anything else is a bug. */
function isPlanned(error: unknown): boolean {
  if (error instanceof LineError) return true;
  if (error instanceof StatementError) return error.code !== '0A000';
  return error instanceof EngineFailure && error.code === 'store-failed';
}
