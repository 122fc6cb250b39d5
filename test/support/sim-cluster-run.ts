import { masterKey } from './master-keys.ts';
import { MemoryPacks } from './memory-vault.ts';
import { below, prng } from './prng.ts';
import { SimTime } from './sim-clock.ts';
import { drawClusterLife, planClusterWeather } from './sim-cluster-weather.ts';
import type { Change } from './sim-database.ts';
import { places } from './sim-engine.ts';
import type { SimFigures, SimOptions } from './sim-figures.ts';
import { IndexDisk } from './sim-index.ts';
import { calmLine } from './sim-line.ts';
import { fetchedOnce, must, Violation } from './sim-look.ts';
import { drawPost, pick, type SimMail, type SimPost } from './sim-mail.ts';
import { SimMailbox } from './sim-mailbox.ts';
import { calm } from './sim-power.ts';
import { patienceMs, startAt } from './sim-run.ts';
import { SimSenders } from './sim-senders.ts';
import { SimServer } from './sim-server.ts';
import { drawSettings } from './sim-settings.ts';
import { judge, sameAnew } from './sim-verdict.ts';
import { planWeather } from './sim-weather.ts';
import { SimWorker } from './sim-worker.ts';

/** Far above what any run needs. */
const maxSteps = 300_000;

/**
 * One run of one seed by the workers of a cluster, from the first mail to rest, with every invariant checked: the same mail,
 * senders, mailbox and settings as an engine by itself has. @throws Violation
 */
export async function simulateCluster(options: Omit<SimOptions, 'faults'>): Promise<SimFigures> {
  const world = new ClusterWorld(options);
  await world.run();
  return world.finish();
}

/** How far the clock of one worker is off, in half of the runs: by as much as time servers leave, or as a machine without one. */
function drawOffMs(random: () => number): number {
  const most = pick(random, [0, 0, 500, 3_600_000]);
  return Math.round((random() - 0.5) * 2 * most);
}

class ClusterWorld {
  readonly #options: Omit<SimOptions, 'faults'>;
  readonly #random: () => number;
  readonly #time: SimTime;
  readonly #post: SimPost;
  readonly #senders: SimSenders;
  readonly #server: SimServer;
  readonly #workers: readonly SimWorker[];
  /** Deleted from the mailbox: nobody but the cluster has it now. */
  readonly #gone: SimMail[] = [];
  readonly #mailbox: SimMailbox;
  readonly #crashes = { kill: 0, 'power-cut': 0, stop: 0 };
  readonly #met = { sleeps: 0, outages: 0, cuts: 0, takeovers: 0 };
  #crashesLeft: number;
  #ids = 0;
  #broken: unknown = null;

  constructor(options: Omit<SimOptions, 'faults'>) {
    const { seed, plant } = options;
    this.#options = options;
    this.#post = drawPost(prng(seed), startAt);
    const settings = drawSettings(prng(seed + 0x5eed));
    const random = prng(seed * 7_919 + 3);
    this.#random = random;
    const count = random() < 0.15 ? 1 : 2;
    const offMs = drawOffMs(prng(seed + 0xc10c));
    this.#time = new SimTime(startAt, count === 1 ? [offMs] : [0, offMs]);
    this.#crashesLeft = 1 + below(random, 6);
    const plan = { lossy: random() * 0.2, restMs: pick(random, [30, 300, 3_000]) };
    this.#mailbox = new SimMailbox(random, (mail) => this.#gone.push(mail));
    this.#mailbox.plan = { lossy: plan.lossy, uidl: pick(random, ['honest', 'honest', 'missing', 'same']) };
    const outside = { mailbox: this.#mailbox, reach: () => pick(random, this.#workers).reached };
    this.#senders = new SimSenders(this.#time, random, plan, outside);
    this.#server = new SimServer(this.#time.world);
    this.#server.broke = (error) => {
      this.#broken ??= error;
    };
    this.#server.database.watch = (changes) => this.#judge(changes);
    const packs = random() < 0.3 ? new MemoryPacks(this.#time.world.now) : null;
    // Drawn apart: a seed tells the same story sealed as in clear.
    const master = prng(seed + 0x5ea1)() < 0.3 ? masterKey() : null;
    this.#workers = Array.from(
      { length: count },
      (_, at) =>
        new SimWorker({
          ...{ name: `worker-${at + 1}`, at, time: this.#time, server: this.#server, settings, plant, random },
          ...{ packs, master, mailbox: this.#mailbox },
          planLife: () => drawClusterLife(random, this.#crashesLeft),
          newId: () => this.#newId(),
          say: (line) => this.#say(line),
          broke: (what) => {
            this.#broken ??= new Violation(`an actor broke: ${what}`);
          },
          ended: (how) => {
            this.#crashes[how] += 1;
            this.#crashesLeft = Math.max(0, this.#crashesLeft - 1);
          },
          slept: () => {
            this.#met.sleeps += 1;
          },
        }),
    );
  }

  async run(): Promise<void> {
    const { mails } = this.#post;
    const random = this.#random;
    this.#senders.start(mails, 3 + below(random, 4));
    const awake = () => this.#workers.filter(({ isAwake }) => isAwake).map(({ engine }) => engine);
    planWeather(
      this.#time,
      random,
      () => pick(random, [...awake(), null]),
      (line) => this.#say(line),
    );
    planClusterWeather({
      ...{ world: this.#time.world, random, server: this.#server, workers: this.#workers, met: this.#met },
      say: (line) => this.#say(line),
    });
    for (const worker of this.#workers) worker.boot();
    let restsAt = Number.POSITIVE_INFINITY;
    let lookAt = 0;
    while (!this.#atRest()) {
      await this.#time.step();
      for (const worker of this.#workers) worker.look();
      if (this.#broken !== null) throw this.#broken;
      if (this.#senders.done === mails.length && this.#crashesLeft === 0)
        restsAt = Math.min(restsAt, this.#time.passedMs + patienceMs);
      must(
        this.#time.passedMs < restsAt && this.#time.steps < maxSteps,
        () => `INV-2: no rest after ${this.#time.passedMs} ms: ${this.#story()}`,
      );
      if (this.#time.steps < lookAt) continue;
      for (const worker of this.#workers) await this.#lookAt(worker);
      lookAt = this.#time.steps + 500 + below(random, 1_000);
    }
  }

  /** The invariants of the end: both workers have the same, and so has a third one that folds the log from its beginning. */
  async finish(): Promise<SimFigures> {
    for (const worker of this.#workers) worker.calm(calm, calmLine);
    this.#server.planCommit = () => ({ appliesAfterMs: 0, isOnDisk: true });
    const [first] = this.#workers as readonly [SimWorker];
    const engines = this.#workers.flatMap(({ engine }) => (engine === null ? [] : [engine]));
    const [engine] = engines;
    if (engine === undefined) throw new Error('at rest without an engine');
    const picture = await first.watch.look(engine, this.#senders.promised, this.#gone);
    const kept = await judge(engine, picture, { post: this.#post, promised: this.#senders.promised });
    fetchedOnce(picture, this.#gone);
    for (const other of engines.slice(1)) {
      must(other.store.log.head.hash === engine.store.log.head.hash, () => 'two workers have two heads');
      await sameAnew(picture, other);
    }
    const bodies = this.#bodiesWithoutRecord();
    must(bodies.length === 0, () => `bodies that no record names: ${bodies.join()}`);
    for (const worker of this.#workers) worker.halt();
    const anew = await first.open(new IndexDisk(), 'worker-anew');
    await sameAnew(picture, anew);
    anew.halt();
    const unheard = this.#workers.reduce((sum, worker) => sum + worker.unheard, 0);
    return {
      kept,
      head: engine.store.log.head.hash,
      mails: this.#post.mails.length,
      sent: this.#senders.sent,
      pulled: this.#gone.length,
      crashes: this.#crashes,
      cluster: { ...this.#met, unheard, workers: this.#workers.length },
      steps: this.#time.steps,
      looks: this.#workers.reduce((sum, { watch }) => sum + watch.looks, 0),
      virtualMs: this.#time.passedMs,
    };
  }

  /** A worker that is behind knows what it has promised itself; one that is not, all. */
  async #lookAt({ engine, lives, watch }: SimWorker): Promise<void> {
    if (engine === null) return;
    const isBehind = engine.store.log.head.seq < this.#head();
    const promised = this.#senders.promised.filter(({ by }) => !isBehind || lives.has(by));
    await watch.look(engine, promised, isBehind ? [] : this.#gone);
  }

  #head(): number {
    const [row] = this.#server.database.table('log').values();
    return Number(row?.['seq'] ?? 0);
  }

  #atRest(): boolean {
    const isDelivered = this.#senders.done === this.#post.mails.length && this.#mailbox.size === 0;
    if (!isDelivered || this.#crashesLeft > 0 || !this.#server.isUp) return false;
    return this.#workers.every(({ engine, isAwake, line }) => {
      if (engine === null || !isAwake || line.isCut || engine.store.log.head.seq !== this.#head()) return false;
      return places.every((place) => engine.takes(place) && engine.store.figuresOf(place).queueMessages === 0);
    });
  }

  /** Of each commit: what is written for a definition is written by its holder, and definitions that go over are counted. */
  #judge(changes: readonly Change[]): void {
    const tenures = this.#server.database.table('tenure');
    for (const [table, row, key] of changes) {
      const before = table === 'tenure' ? tenures.get(key)?.['holder'] : undefined;
      if (before !== undefined && row !== null && row['holder'] !== before) this.#met.takeovers += 1;
      if (table !== 'document' || row === null || (row['room'] !== 'uidl' && row['room'] !== 'runtime')) continue;
      const name = `definition:${row['owner']}`;
      const held = [...tenures.values()].find((tenure) => tenure['name'] === name);
      must(
        String(held?.['token']) === String(row['token']),
        () =>
          `fence: ${row['room']} of ${row['owner']} is written with the token ${row['token']}, the holder has another`,
      );
    }
  }

  #bodiesWithoutRecord(): readonly string[] {
    const { database } = this.#server;
    const named = new Set([...database.table('record').values()].map((row) => row['body']));
    return [...database.table('body').values()].map((row) => String(row['body'])).filter((body) => !named.has(body));
  }

  #newId(): string {
    this.#ids += 1;
    return `${String(this.#time.world.now()).padStart(15, '0')}-${String(this.#ids).padStart(5, '0')}`;
  }

  #say(line: string): void {
    this.#options.log(`${String(this.#time.passedMs).padStart(7)} ms  ${line}`);
  }

  #story(): string {
    const workers = this.#workers.map(({ name, engine }) => {
      const queues = places.map(
        (place) => `${place} ${engine?.store.figuresOf(place).queueMessages} ${engine?.takes(place)}`,
      );
      return `${name} at ${engine?.store.log.head.seq} has in process: ${queues.join()}`;
    });
    return `${this.#senders.done} of ${this.#post.mails.length} delivered, ${this.#mailbox.size} in the mailbox, ${this.#head()} records; ${workers.join('; ')}`;
  }
}
