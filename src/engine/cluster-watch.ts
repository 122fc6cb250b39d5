import { exhaustMap, from, type SchedulerLike, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { ClusterStatus, Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { watchBodies } from './bodies-watch.ts';
import { clusterStatus } from './cluster-status.ts';
import { clusterWarnings, isLasting } from './cluster-warnings.ts';
import type { Duties } from './duties.ts';
import { dutiesOf } from './share-duties.ts';
import type { Workshop } from './workshop.ts';

/** What a worker can see of its cluster; each but `bodies` and `hurry` asks the database, and throws where that does not answer. */
export interface ClusterSight {
  /** Of the log, and for how long its oldest record has stood there that an index up to `foldedSeq` lacks; 0: it lacks none. */
  end(foldedSeq: number): Promise<{ readonly seq: number; readonly behindMs: number }>;
  /** What an acknowledgement is worth. `standbys` null: some are there, and which may not be seen. */
  durability(): Promise<{
    readonly unsafe: readonly string[];
    readonly isAwaited: boolean;
    readonly standbys: number | null;
  }>;
  /** Throws why no body of a message can be stored. */
  bodies(): Promise<void>;
  /** Before an end: bodies that are under way are stored within seconds, or refused. */
  hurry(): void;
  say(word: WorkerWord): Promise<void>;
  leave(): Promise<void>;
  words(): Promise<readonly { readonly worker: string; readonly agoMs: number; readonly said: unknown }[]>;
  /** Workers that live, by name. */
  workers(): readonly string[];
  /** How far the clock of this machine is ahead of the database's, ms; negative: behind. */
  clockAheadMs(): number;
}

/** What a worker tells the others of itself. */
export interface WorkerWord {
  readonly version: string;
  readonly behindRecords: number;
  readonly behindMs: number;
}

export interface ClusterWatch extends AsyncDisposable {
  status(): ClusterStatus;
  warnings(): Status['warnings'];
}

export interface ClusterWatchParts {
  readonly sight: ClusterSight;
  readonly duties: Pick<Duties, 'isMine' | 'doerOf'>;
  readonly worker: string;
  readonly version: string;
  /** Up to where the index of this worker is folded. */
  readonly foldedSeq: () => number;
  /** Names of all duties that somebody is to have. */
  readonly duty: () => readonly string[];
  /** A synchronous standby is to be there. */
  readonly expectsStandby: boolean;
  /** Of the object storage. */
  readonly packs: () => ClusterStatus['packs'];
  /** Told at each look by which it is clear that no body can be stored, and null when one can be again. */
  readonly bodiless: (failing: Failing | null) => void;
  readonly clock: SchedulerLike;
  readonly log: Log;
}

const nothing = { trouble: null, unwritten: null, bodiless: null, clockOff: null } as const;
/** Three statements each time. */
export const lookEveryMs = 5_000;
/** Machines that follow a time server are some ms apart. */
const clockOffMs = 5_000;
/** Settings and standbys change by hand, or with a server that is lost: each sixth look. */
const durabilityEvery = 6;

/** Since when, and what it said last. */
export interface Failing {
  readonly since: number;
  readonly detail: string;
}

/** What the last looks have shown; times are epoch ms of this worker. */
export interface Seen {
  readonly logSeq: number;
  readonly behindMs: number;
  readonly words: readonly { readonly worker: string; readonly at: number; readonly said: WorkerWord }[];
  readonly durability: (Awaited<ReturnType<ClusterSight['durability']>> & { readonly since: number }) | null;
  /** The database does not answer. */
  readonly trouble: Failing | null;
  /** It answers, and takes no writes. */
  readonly unwritten: Failing | null;
  /** No body can be stored, as was seen last. */
  readonly bodiless: Failing | null;
  /** The clock of this machine is another one than the database's. */
  readonly clockOff: { readonly since: number; readonly aheadMs: number } | null;
  /** Since when nobody has them, by name. */
  readonly unheld: ReadonlyMap<string, number>;
}

/** Null for an engine by itself. */
export function watchCluster(
  workshop: Workshop,
  { packs, bodiless }: Pick<ClusterWatchParts, 'packs' | 'bodiless'>,
): ClusterWatch | null {
  const { sight, duties, version, store, clock, log } = workshop;
  if (sight === null || duties.worker === null) return null;
  let foldedSeq = 0;
  return openClusterWatch({
    ...{ sight, duties, version, packs, bodiless, clock, log },
    worker: duties.worker,
    foldedSeq: () => {
      // A store that has failed is asked nothing.
      if (store.health.open) foldedSeq = store.log.head.seq;
      return foldedSeq;
    },
    duty: () => dutiesOf(workshop),
    expectsStandby: workshop.options.cluster?.synchronousStandby !== 'none',
  });
}

/** Looks at the cluster again and again: who lives, who does what, how far this index is, what a commit is worth. */
export function openClusterWatch(parts: ClusterWatchParts): ClusterWatch {
  const { sight, worker, version, clock, log } = parts;
  let seen: Seen = { logSeq: 0, behindMs: 0, words: [], durability: null, ...nothing, unheld: new Map() };
  let own: WorkerWord = { version, behindRecords: 0, behindMs: 0 };
  let looks = 0;
  const look = async (): Promise<void> => {
    const at = clock.now();
    seen = { ...seen, ...seenWithin(parts, seen, at) };
    try {
      const folded = parts.foldedSeq();
      const { seq: logSeq, behindMs } = await sight.end(folded);
      const others = (await sight.words()).filter((word) => word.worker !== worker);
      own = { version, behindRecords: Math.max(0, logSeq - folded), behindMs };
      const words = [
        { worker, at: clock.now(), said: own },
        ...others.map(({ worker: who, agoMs, said }) => {
          return { worker: who, at: clock.now() - agoMs, said: said as WorkerWord };
        }),
      ];
      seen = { ...seen, logSeq, behindMs, words, trouble: null };
      // Where nothing can be written, this may say why.
      if (looks % durabilityEvery === 0 || seen.unwritten !== null)
        seen = { ...seen, durability: lasting(await sight.durability(), seen, at) };
      looks += 1;
    } catch (error) {
      if (seen.trouble === null) log('warn', 'the database of the cluster does not answer', { error: String(error) });
      seen = { ...seen, trouble: { since: seen.trouble?.since ?? at, detail: messageOf(error) } };
      // What it says when it is back may be another server's.
      looks = 0;
    }
  };
  /** By itself: a server that waits for a standby takes no word, and can be asked all the same. */
  const say = async (): Promise<void> => {
    if (seen.trouble !== null) return;
    const at = clock.now();
    try {
      await sight.say({
        version,
        behindRecords: Math.max(0, seen.logSeq - parts.foldedSeq()),
        behindMs: seen.behindMs,
      });
      seen = { ...seen, unwritten: null };
    } catch (error) {
      seen = { ...seen, unwritten: { since: seen.unwritten?.since ?? at, detail: messageOf(error) } };
    }
  };
  let underWay = Promise.resolve();
  const looking = timer(0, lookEveryMs, clock)
    .pipe(
      exhaustMap(() => {
        underWay = look().then(say);
        return from(underWay);
      }),
    )
    .subscribe();
  let isTold = false;
  looking.add(
    watchBodies(parts, (bodiless) => {
      seen = { ...seen, bodiless };
      const lasting = bodiless !== null && isLasting(bodiless, clock.now()) ? bodiless : null;
      if (lasting !== null || isTold) parts.bodiless(lasting);
      isTold = lasting !== null;
    }),
  );
  return {
    status: () => clusterStatus(seen, parts),
    warnings: () => clusterWarnings(seen, { ...parts, now: clock.now(), alive: sight.workers() }),
    [Symbol.asyncDispose]: async () => {
      looking.unsubscribe();
      // What it says after it has left would stand for a day.
      await underWay;
      await sight.leave().catch((error: unknown) => {
        log('warn', 'the other workers will miss this one', { worker, error: String(error) });
      });
    },
  };
}

/** What is seen without the database. */
function seenWithin(
  { sight, duties, duty }: ClusterWatchParts,
  before: Seen,
  at: number,
): Pick<Seen, 'unheld' | 'clockOff'> {
  const open = duty().filter((name) => !duties.isMine(name) && duties.doerOf(name) === null);
  const unheld = new Map(open.map((name) => [name, before.unheld.get(name) ?? at]));
  const aheadMs = sight.clockAheadMs();
  const clockOff = Math.abs(aheadMs) > clockOffMs ? { since: before.clockOff?.since ?? at, aheadMs } : null;
  return { unheld, clockOff };
}

type Durable = NonNullable<Seen['durability']>;

/** Since when it is as it is. */
function lasting(now: Omit<Durable, 'since'>, { durability: before }: Seen, at: number): Durable {
  const { since = at, ...old } = before ?? {};
  return { ...now, since: JSON.stringify(old) === JSON.stringify(now) ? since : at };
}
