import {
  BehaviorSubject,
  distinctUntilChanged,
  exhaustMap,
  firstValueFrom,
  map,
  merge,
  type Observable,
  type SchedulerLike,
  Subject,
  type Subscription,
  timer,
} from 'rxjs';
import type { Postgres } from './postgres.ts';
import { enter, type Looked, lookAt, release, seek, workerName } from './tenure-rows.ts';

/** Who does what only one worker may do: a name is held by one of them at a time, by a token that only grows. */
export interface Tenures extends AsyncDisposable {
  /** The names that are to be held by somebody. */
  want(names: readonly string[]): void;
  /** The token of a name that this worker holds, also while it gives it away; null where it does not. */
  tokenOf(name: string): string | null;
  /** Whether this worker holds it and goes on with it, now and from now on. */
  held$(name: string): Observable<boolean>;
  /** What is to be done, by name, when what was begun under it has had time to end and it is still held. */
  beforeLeaving(work: (name: string) => Promise<void>): void;
  /** The worker that held it when this one last looked; null: none. */
  holderOf(name: string): string | null;
  /** Workers that lived when this one last looked, in order. */
  readonly workers: readonly string[];
}

export interface TenuresParts {
  readonly postgres: Postgres;
  readonly log: number;
  readonly worker: string;
  readonly clock: SchedulerLike;
  /** Time that passes whatever becomes of the wall clock, ms. */
  readonly passed: () => number;
  /** Whose folder this life of the worker has to itself. A former life with the same one is over. */
  readonly home: string;
  readonly times?: TenureTimes;
}
export interface TenureTimes {
  /** A worker that was killed has lost its names after so long. */
  readonly tenureMs: number;
  readonly renewEveryMs: number;
  /** Looked at anew so soon where something is missing. */
  readonly lookEveryMs: number;
  /** A worker counts its tenure as over so much before the database does: a paused one stops before another begins. */
  readonly marginMs: number;
  /** What was begun under a name that is given away has this long to end. */
  readonly handOverMs: number;
}

const usualTimes: TenureTimes = {
  tenureMs: 15_000,
  renewEveryMs: 5_000,
  lookEveryMs: 1_000,
  marginMs: 3_000,
  handOverMs: 2_000,
};

interface Held {
  readonly token: string;
  /** By `passed`. */
  readonly until: number;
}

/**
 * Takes this worker's place among the others. What a former life of it held is free at once: whoever has its folder has
 * seen it end. @throws EngineFailure `locked` where another one of this name lives, `store-failed`
 */
export async function openTenures(parts: TenuresParts): Promise<Tenures> {
  await enter(parts);
  const tenures = new Leases(parts);
  await tenures.look();
  return tenures.start();
}

/** What the holder of a definition has. */
export const definitionTenure = (definitionId: string): string => `definition:${definitionId}`;
/** Definitions are shared out among themselves: they are the work. */
const kindOf = (name: string): string => (name.startsWith('definition:') ? 'definition' : 'engine');

class Leases implements Tenures {
  readonly #parts: TenuresParts;
  readonly #times: TenureTimes;
  #wanted: readonly string[] = [];
  readonly #held = new Map<string, Held>();
  /** Of the row that says that this worker lives. */
  #life: string | null = null;
  #beforeLeaving: (name: string) => Promise<void> = async () => undefined;
  readonly #asked$ = new Subject<void>();
  /** Held, and about to be given away. */
  readonly #leaving = new Set<string>();
  readonly #holders = new Map<string, string>();
  readonly #changed$ = new BehaviorSubject<void>(undefined);
  #running: Subscription | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: TenuresParts) {
    this.#parts = parts;
    this.#times = parts.times ?? usualTimes;
  }

  start(): this {
    const { lookEveryMs } = this.#times;
    this.#running = merge(timer(lookEveryMs, lookEveryMs, this.#parts.clock), this.#asked$)
      .pipe(exhaustMap(() => this.#turn()))
      .subscribe();
    return this;
  }

  get workers(): readonly string[] {
    const names = [...this.#holders]
      .filter(([name, holder]) => name === workerName(holder))
      .map(([, holder]) => holder);
    return names.sort();
  }

  want(names: readonly string[]): void {
    this.#wanted = names;
    if (this.#isMissing) this.#asked$.next();
  }

  beforeLeaving(work: (name: string) => Promise<void>): void {
    this.#beforeLeaving = work;
  }

  tokenOf(name: string): string | null {
    const held = this.#held.get(name);
    return held === undefined || held.until <= this.#parts.passed() ? null : held.token;
  }

  held$(name: string): Observable<boolean> {
    return this.#changed$.pipe(
      map(() => this.tokenOf(name) !== null && !this.#leaving.has(name)),
      distinctUntilChanged(),
    );
  }

  holderOf(name: string): string | null {
    return this.#holders.get(name) ?? null;
  }

  get #isMissing(): boolean {
    return this.#wanted.some((name) => !this.#held.has(name) && !this.#holders.has(name));
  }

  /** One look at the database: what is held is renewed, and what nobody holds is taken, up to a fair share. */
  async look(): Promise<void> {
    const askedAt = this.#parts.passed();
    const { tenureMs } = this.#times;
    const held = new Map([...this.#held].map(([name, { token }]) => [name, token]));
    const { life, renewed, all } = await lookAt(this.#parts, { held, life: this.#life, tenureMs });
    this.#lookedAt = askedAt;
    this.#note(askedAt, renewed, all);
    this.#life = life;
    // Another one of this name lives: this one goes on with what it holds, and takes no more.
    if (this.#life !== null) await this.#seek(askedAt);
    this.#changed$.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.unsubscribe();
    const tokens = [...this.#held.values()].map(({ token }) => token);
    this.#held.clear();
    this.#changed$.next();
    // Others need not wait for the end of it.
    await release(this.#parts, [...tokens, this.#life ?? '0']);
  }

  /** What is over by the time of this worker is over, also while the database does not answer. */
  async #turn(): Promise<void> {
    const now = this.#parts.passed();
    const over = [...this.#held].filter(([, { until }]) => until <= now);
    for (const [name] of over) this.#held.delete(name);
    if (over.length > 0) this.#changed$.next();
    const isDue = now - this.#lookedAt >= this.#times.renewEveryMs || over.length > 0;
    if (!isDue && !this.#isMissing) return;
    await this.look().catch(() => undefined);
    await this.#giveAway().catch(() => undefined);
  }

  #note(askedAt: number, renewed: Looked['renewed'], all: Looked['all']): void {
    for (const name of this.#held.keys()) {
      const token = renewed.get(name);
      if (token === undefined) this.#held.delete(name);
      else this.#held.set(name, { token, until: this.#untilOf(askedAt) });
    }
    this.#holders.clear();
    for (const [name, holder] of all) this.#holders.set(name, holder);
  }

  #untilOf(askedAt: number): number {
    return askedAt + this.#times.tenureMs - this.#times.marginMs;
  }

  /** How many of a kind are a fair part for this worker. */
  #share(kind: string): number {
    const wanted = this.#wanted.filter((name) => kindOf(name) === kind).length;
    return Math.ceil(wanted / Math.max(1, this.workers.length));
  }

  /** Of each kind, beyond its share. */
  #beyond(names: readonly string[]): readonly string[] {
    return [...new Set(names.map(kindOf))].flatMap((kind) =>
      names.filter((name) => kindOf(name) === kind).slice(this.#share(kind)),
    );
  }

  async #seek(askedAt: number): Promise<void> {
    const held = [...this.#held.keys()];
    const open = this.#wanted.filter((name) => !this.#holders.has(name));
    const beyond = new Set(this.#beyond([...held, ...open]));
    const free = open.filter((name) => !beyond.has(name));
    if (free.length === 0) return;
    const got = await seek(this.#parts, free, this.#times.tenureMs);
    for (const [name, token] of got) {
      this.#held.set(name, { token, until: this.#untilOf(askedAt) });
      this.#holders.set(name, this.#parts.worker);
    }
  }

  /** Where others have come, and what nobody wants any more: one name at a time, after what was begun has had time to end. */
  async #giveAway(): Promise<void> {
    const { clock } = this.#parts;
    const names = [...this.#held.keys()];
    const name = names.find((held) => !this.#wanted.includes(held)) ?? this.#beyond(names)[0];
    if (name === undefined) return;
    this.#leaving.add(name);
    this.#changed$.next();
    const rest = (): Promise<unknown> => firstValueFrom(timer(this.#times.handOverMs, clock));
    await rest();
    await Promise.race([this.#beforeLeaving(name).catch(() => undefined), rest()]);
    await release(this.#parts, [this.#held.get(name)?.token ?? '0']);
    this.#held.delete(name);
    this.#leaving.delete(name);
    this.#holders.delete(name);
  }
}
