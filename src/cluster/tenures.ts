import {
  BehaviorSubject,
  distinctUntilChanged,
  exhaustMap,
  firstValueFrom,
  map,
  type Observable,
  type SchedulerLike,
  type Subscription,
  timer,
} from 'rxjs';
import type { Postgres, Row } from './postgres.ts';

/** Who does what only one worker may do: a name is held by one of them at a time, by a token that only grows. */
export interface Tenures extends AsyncDisposable {
  /** The names that are to be held by somebody. */
  want(names: readonly string[]): void;
  /** The token of a name that this worker holds; null where it does not. */
  tokenOf(name: string): string | null;
  /** Whether this worker holds it, now and from now on. */
  held$(name: string): Observable<boolean>;
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

export async function openTenures(parts: TenuresParts): Promise<Tenures> {
  const tenures = new Leases(parts);
  await tenures.look();
  return tenures.start();
}

/** What the holder of a definition has. */
export const definitionTenure = (definitionId: string): string => `definition:${definitionId}`;
/** Definitions are shared out among themselves: they are the work. */
const kindOf = (name: string): string => (name.startsWith('definition:') ? 'definition' : 'engine');
const workerName = (worker: string): string => `worker:${worker}`;

class Leases implements Tenures {
  readonly #parts: TenuresParts;
  readonly #times: TenureTimes;
  #wanted: readonly string[] = [];
  readonly #held = new Map<string, Held>();
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
    this.#running = timer(lookEveryMs, lookEveryMs, this.#parts.clock)
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
  }

  tokenOf(name: string): string | null {
    const held = this.#held.get(name);
    return held === undefined || this.#leaving.has(name) || held.until <= this.#parts.passed() ? null : held.token;
  }

  held$(name: string): Observable<boolean> {
    return this.#changed$.pipe(
      map(() => this.tokenOf(name) !== null),
      distinctUntilChanged(),
    );
  }

  holderOf(name: string): string | null {
    return this.#holders.get(name) ?? null;
  }

  /** One look at the database: what is held is renewed, and what nobody holds is taken, up to a fair share. */
  async look(): Promise<void> {
    const { postgres, log, worker, passed } = this.#parts;
    const askedAt = passed();
    const names = [workerName(worker), ...this.#held.keys()];
    const seconds = this.#times.tenureMs / 1_000;
    const [renewed, all] = await postgres.transaction(async (run) => [
      await run({
        name: 'renew',
        text: `insert into daybook.tenure as t (log, name, holder, token, expires)
               select $1, name, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4)
               from unnest($2::text[]) as n (name)
               on conflict (log, name) do update set expires = excluded.expires
                 where t.holder = excluded.holder and t.expires > clock_timestamp()
                 or t.name = $5
               returning name, token`,
        values: [log, names, worker, seconds, workerName(worker)],
      }),
      await run({
        name: 'tenures',
        text: 'select name, holder, token from daybook.tenure where log = $1 and expires > clock_timestamp()',
        values: [log],
      }),
    ]);
    this.#lookedAt = askedAt;
    this.#note(askedAt, renewed ?? [], all ?? []);
    await this.#seek(askedAt);
    this.#changed$.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { postgres, log, worker } = this.#parts;
    this.#running?.unsubscribe();
    const names = [...this.#held.keys(), workerName(worker)];
    this.#held.clear();
    this.#changed$.next();
    // Others need not wait for the end of it.
    const text = 'delete from daybook.tenure where log = $1 and holder = $2 and name = any($3)';
    await postgres.run({ text, values: [log, worker, names] }).catch(() => undefined);
  }

  /** What is over by the time of this worker is over, also while the database does not answer. */
  async #turn(): Promise<void> {
    const now = this.#parts.passed();
    const over = [...this.#held].filter(([, { until }]) => until <= now);
    for (const [name] of over) this.#held.delete(name);
    if (over.length > 0) this.#changed$.next();
    const isDue = now - this.#lookedAt >= this.#times.renewEveryMs || over.length > 0;
    const isMissing = this.#wanted.some((name) => !this.#held.has(name) && !this.#holders.has(name));
    if (!isDue && !isMissing) return;
    await this.look().catch(() => undefined);
    await this.#giveAway().catch(() => undefined);
  }

  #note(askedAt: number, renewed: readonly Row[], all: readonly Row[]): void {
    const mine = new Map(renewed.map((row) => [String(row['name']), String(row['token'])]));
    for (const name of this.#held.keys()) {
      const token = mine.get(name);
      if (token === undefined) this.#held.delete(name);
      else this.#held.set(name, { token, until: this.#untilOf(askedAt) });
    }
    this.#holders.clear();
    for (const row of all) this.#holders.set(String(row['name']), String(row['holder']));
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
    const { postgres, log, worker } = this.#parts;
    const held = [...this.#held.keys()];
    const open = this.#wanted.filter((name) => !this.#holders.has(name));
    const beyond = new Set(this.#beyond([...held, ...open]));
    const free = open.filter((name) => !beyond.has(name));
    if (free.length === 0) return;
    const got = await postgres.run({
      name: 'seek',
      text: `insert into daybook.tenure as t (log, name, holder, token, expires)
             select $1, name, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4)
             from unnest($2::text[]) as n (name)
             on conflict (log, name) do update
               set holder = excluded.holder, token = excluded.token, expires = excluded.expires
               where t.expires <= clock_timestamp()
             returning name, token`,
      values: [log, free, worker, this.#times.tenureMs / 1_000],
    });
    for (const row of got) {
      const name = String(row['name']);
      this.#held.set(name, { token: String(row['token']), until: this.#untilOf(askedAt) });
      this.#holders.set(name, worker);
    }
  }

  /** Where others have come, and what nobody wants any more: one name at a time, after what was begun has had time to end. */
  async #giveAway(): Promise<void> {
    const { postgres, log, worker, clock } = this.#parts;
    const names = [...this.#held.keys()];
    const name = names.find((held) => !this.#wanted.includes(held)) ?? this.#beyond(names)[0];
    if (name === undefined) return;
    this.#leaving.add(name);
    this.#changed$.next();
    await firstValueFrom(timer(this.#times.handOverMs, clock));
    const text = 'delete from daybook.tenure where log = $1 and holder = $2 and name = $3';
    await postgres.run({ text, values: [log, worker, name] }).catch(() => undefined);
    this.#held.delete(name);
    this.#leaving.delete(name);
    this.#holders.delete(name);
  }
}
