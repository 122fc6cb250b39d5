import { EngineFailure } from '../../streams/failure.ts';
import { MemoryDisk } from './memory-bytes.ts';
import { below, prng } from './prng.ts';
import { openOnDisk } from './sim-backend.ts';
import { SimTime } from './sim-clock.ts';
import { places, SimEngine } from './sim-engine.ts';
import type { SimFigures, SimOptions } from './sim-figures.ts';
import { IndexDisk } from './sim-index.ts';
import { fetchedOnce, mailboxOf, must, Violation, Watch } from './sim-look.ts';
import { drawPost, pick, type SimMail, type SimPost } from './sim-mail.ts';
import { SimMailbox } from './sim-mailbox.ts';
import { calm, drawPower, type Ending, type PowerPlan, SimPower } from './sim-power.ts';
import { SimSenders } from './sim-senders.ts';
import { atOnce, drawSettings, type SimSettings } from './sim-settings.ts';
import { judge, sameAnew, sameMailbox } from './sim-verdict.ts';
import { planWeather } from './sim-weather.ts';

export const startAt = Date.parse('2026-11-23T12:00:00Z');
/** After all mail was sent, it has this long to come to its end: waits of processing double, a broken actor rests 30 s. */
export const patienceMs = 900_000;
/** Far above what any run needs. */
const maxSteps = 60_000;

/** One run of one seed, from the first mail to rest, with every invariant checked. @throws Violation */
export async function simulate(options: SimOptions): Promise<SimFigures> {
  const world = new SimWorld(options);
  await world.run();
  return world.finish();
}

class SimWorld {
  readonly #options: SimOptions;
  readonly #random: () => number;
  readonly #time = new SimTime(startAt);
  readonly #settings: SimSettings;
  readonly #post: SimPost;
  readonly #senders: SimSenders;
  readonly #mailbox: SimMailbox;
  /** Deleted from the mailbox: nobody but the engine has it now. */
  readonly #gone: SimMail[] = [];
  readonly #watch = new Watch();
  readonly #crashes = { kill: 0, 'power-cut': 0, stop: 0 };
  #disk = new MemoryDisk();
  #index = new IndexDisk();
  #power: SimPower;
  #engine: SimEngine | null = null;
  #starting = false;
  #crashesLeft: number;
  #ids = 0;
  #broken: unknown = null;

  constructor(options: SimOptions) {
    const { seed, faults } = options;
    this.#options = options;
    // The mail of a seed is the same with and without faults.
    this.#post = drawPost(prng(seed), startAt);
    const settings = drawSettings(prng(seed + 0x5eed));
    this.#settings = faults ? settings : atOnce(settings);
    this.#random = prng(faults ? seed * 7_919 + 1 : seed * 7_919 + 2);
    this.#crashesLeft = faults ? 1 + below(this.#random, 6) : 0;
    const plan = faults
      ? { lossy: this.#random() * 0.2, restMs: 200 + below(this.#random, 3_000) }
      : { lossy: 0, restMs: 1 };
    this.#mailbox = new SimMailbox(this.#random, (mail) => this.#gone.push(mail));
    if (faults)
      this.#mailbox.plan = { lossy: plan.lossy, uidl: pick(this.#random, ['honest', 'honest', 'missing', 'same']) };
    const outside = { mailbox: this.#mailbox, reach: () => this.#engine };
    this.#senders = new SimSenders(this.#time, this.#random, plan, outside);
    this.#power = new SimPower(this.#time.engine, this.#random, calm);
  }

  async run(): Promise<void> {
    const { mails } = this.#post;
    this.#senders.start(mails, this.#options.faults ? 3 + below(this.#random, 4) : mails.length);
    if (this.#options.faults)
      planWeather(
        this.#time,
        this.#random,
        () => this.#engine,
        (line) => this.#say(line),
      );
    this.#boot();
    let restsAt = Number.POSITIVE_INFINITY;
    let lookAt = 0;
    while (!this.#atRest()) {
      await this.#time.step();
      if (this.#broken !== null) throw this.#broken;
      if (this.#power.crashed) this.#crash(pick(this.#random, ['kill', 'power-cut'] as const));
      else if (this.#engine?.failed === true) this.#planEnding('kill', 500);
      if (this.#senders.done === mails.length && this.#crashesLeft === 0)
        restsAt = Math.min(restsAt, this.#time.passedMs + patienceMs);
      must(
        this.#time.passedMs < restsAt && this.#time.steps < maxSteps,
        () => `INV-2: no rest after ${this.#time.passedMs} ms: ${this.#story()}`,
      );
      if (this.#time.steps < lookAt || this.#engine === null) continue;
      await this.#watch.look(this.#engine, this.#senders.promised, this.#gone);
      lookAt = this.#time.steps + 100 + below(this.#random, 200);
    }
  }

  /** The invariants of the end, and a second index made from the log alone. */
  async finish(): Promise<SimFigures> {
    const engine = this.#engine;
    if (engine === null) throw new Error('at rest without an engine');
    // Nothing moves the clock any more, so nothing may wait for it.
    this.#power.plan = calm;
    const picture = await this.#watch.look(engine, this.#senders.promised, this.#gone);
    const mailbox = await mailboxOf(engine);
    fetchedOnce(picture, this.#gone);
    const kept = await judge(engine, picture, { post: this.#post, promised: this.#senders.promised });
    this.#halt();
    if (this.#options.faults) {
      const anew = await this.#open(this.#index.emptied());
      await sameAnew(picture, anew);
      await sameMailbox(mailbox, anew);
      anew.halt();
    }
    return {
      kept,
      head: engine.store.log.head.hash,
      mails: this.#post.mails.length,
      sent: this.#senders.sent,
      pulled: this.#gone.length,
      crashes: this.#crashes,
      steps: this.#time.steps,
      looks: this.#watch.looks,
      virtualMs: this.#time.passedMs,
    };
  }

  #atRest(): boolean {
    const engine = this.#engine;
    const isDelivered = this.#senders.done === this.#post.mails.length && this.#mailbox.size === 0;
    if (engine === null || engine.failed || this.#crashesLeft > 0 || !isDelivered) return false;
    return places.every((place) => engine.takes(place) && engine.store.figuresOf(place).queueMessages === 0);
  }

  /** Starts the engine over what the disks hold; the start takes time and can itself be cut off. */
  #boot(): void {
    if (this.#starting || this.#engine !== null) return;
    this.#starting = true;
    this.#time.newEngine();
    this.#power = new SimPower(this.#time.engine, this.#random, this.#planLife());
    const { clock, power } = { clock: this.#time.engine, power: this.#power };
    this.#open(this.#index).then(
      (engine) => {
        this.#starting = false;
        if (clock !== this.#time.engine || power.crashed) return;
        this.#engine = engine;
        this.#say(`up; ${engine.store.recovery.folded} folded, ${engine.store.recovery.tornBytes} torn`);
      },
      (error: unknown) => {
        this.#starting = false;
        if (clock !== this.#time.engine) return;
        // What the plan broke may end a start; the supervisor tries again. Anything else is a bug.
        const planned =
          error instanceof EngineFailure && (error.code === 'store-failed' || error.code === 'store-full');
        if (planned) this.#planEnding('kill', 500);
        else this.#broken = error;
      },
    );
  }

  async #open(index: IndexDisk): Promise<SimEngine> {
    const clock = this.#time.engine;
    const { plant } = this.#options;
    const common = { settings: this.#settings, plant };
    const backend = await openOnDisk({ ...common, clock, disk: this.#disk, index, power: this.#power });
    return SimEngine.start(backend, {
      ...common,
      mailbox: this.#mailbox,
      random: this.#random,
      newId: () => {
        this.#ids += 1;
        return `${String(this.#time.world.now()).padStart(15, '0')}-${String(this.#ids).padStart(5, '0')}`;
      },
      broke: (what) => {
        this.#broken ??= new Violation(`an actor broke: ${what}`);
      },
    });
  }

  /** The faults of one life; with the last crash behind, the disks are only slow. */
  #planLife(): PowerPlan {
    if (!this.#options.faults) return calm;
    if (this.#crashesLeft === 0) return { ...calm, slowMs: below(this.#random, 4) };
    this.#planEnding(pick(this.#random, ['kill', 'power-cut', 'stop'] as const), 12_000);
    return drawPower(this.#random, this.#disk);
  }

  /** Ends this life within `withinMs`, if nothing else has by then. */
  #planEnding(ending: Ending, withinMs: number): void {
    const life = this.#time.engine;
    if (this.#endingOf === life && withinMs < 12_000) return;
    this.#endingOf = life;
    this.#time.world.schedule(() => {
      if (life === this.#time.engine) this.#end(ending);
    }, 1 + below(this.#random, withinMs));
  }
  #endingOf: unknown = null;

  #end(ending: Ending): void {
    if (ending !== 'stop' || this.#engine === null || this.#engine.failed) {
      this.#crash(ending === 'power-cut' ? ending : 'kill');
      return;
    }
    this.#crashes.stop += 1;
    this.#say('stop');
    const engine = this.#engine;
    const life = this.#time.engine;
    this.#halt();
    const over = (): void => {
      if (life === this.#time.engine) this.#restart();
    };
    engine.close().then(over, over);
  }

  /** Memory is gone at once. A kill leaves what was written; a power cut takes what no sync has covered, or part of it. */
  #crash(ending: 'kill' | 'power-cut'): void {
    this.#crashes[ending] += 1;
    this.#halt();
    const unsynced = this.#disk.records.length - this.#disk.synced;
    const keep = ending === 'kill' ? unsynced : below(this.#random, unsynced + 1);
    const lost = ending === 'kill' ? 0 : below(this.#random, this.#index.unsynced + 1);
    this.#say(
      `${ending}: ${unsynced - keep} of ${unsynced} unsynced records and ${lost} of ${this.#index.unsynced} index batches lost`,
    );
    this.#disk = this.#disk.crash(keep);
    this.#index = this.#index.after(lost);
    this.#restart();
  }

  #halt(): void {
    this.#engine?.halt();
    this.#engine = null;
  }

  #restart(): void {
    this.#time.newEngine();
    this.#power = new SimPower(this.#time.engine, this.#random, calm);
    this.#starting = false;
    this.#crashesLeft = Math.max(0, this.#crashesLeft - 1);
    this.#time.world.schedule(() => this.#boot(), 10 + below(this.#random, 3_000));
  }

  #say(line: string): void {
    this.#options.log(`${String(this.#time.passedMs).padStart(7)} ms  ${line}`);
  }

  #story(): string {
    const queues = places.map((place) => `${place} ${this.#engine?.store.figuresOf(place).queueMessages}`);
    return `${this.#senders.done} of ${this.#post.mails.length} delivered, ${this.#mailbox.size} in the mailbox, in process: ${queues.join()}`;
  }
}
