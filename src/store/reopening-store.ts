import { open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BehaviorSubject,
  EMPTY,
  exhaustMap,
  firstValueFrom,
  interval,
  merge,
  type Observable,
  type SchedulerLike,
  Subject,
  type Subscription,
  timer,
} from 'rxjs';
import { EngineFailure, messageOf } from '../../streams/failure.ts';
import { delegates } from './delegates.ts';
import type { Touched } from './fold.ts';
import { lockDataDir, type Store, type StoreOptions } from './open-store.ts';
import { createReserve, type Reserve } from './reserve.ts';

/** How the store is; `since` is when it came to be so, epoch ms. */
export interface StoreHealth {
  readonly open: boolean;
  readonly since: number;
  /** What is wrong, for a person; null while it is open. */
  readonly detail: string | null;
}

/** A store that comes back by itself after an I/O error: closed, and opened as at a start, until it works again. */
export interface ReopeningStore extends Store {
  readonly health: StoreHealth;
  /** How it is now, and each change. */
  readonly health$: Observable<StoreHealth>;
  /** Free space that is not for mail: what was given up of the reserve. */
  readonly missingReserveBytes: number;
}

export interface ReopeningParts {
  /** Opens the store anew, recovery and all, on files that nobody has open. */
  readonly open: () => Promise<Store>;
  /** Writes and syncs: while that fails, the failed store stays open for its readers. */
  readonly probe: () => Promise<void>;
  readonly clock: SchedulerLike;
  /** Given back last. */
  readonly lock: AsyncDisposable;
  /** Free space that the store is given when the disk is full. */
  readonly reserve?: Reserve;
}

export interface ReopeningOptions extends Pick<StoreOptions, 'dataDir'> {
  readonly minimumFreeBytes: number;
  /** Opens the store of the folder, whose lock is held; the store gives `lock` back when it is closed. */
  readonly openLocked: (lock: AsyncDisposable) => Promise<Store>;
}

/** Waits before the first, second … attempt. The last stays: service is back within 30 s of the fault's end. */
const restsMs = [1_000, 2_000, 5_000, 10_000] as const;

/**
 * Opens the store and keeps it open. After a failure nothing is promised on what failed (store section 3): every write is
 * refused with `store-failed` until another store is open, whose start has cut or folded what was under way. What is
 * asked of the old one keeps its answer; who was half way through a message is told `store-failed`.
 * @throws EngineFailure as the first `open` does
 */
export async function openReopeningStore(
  { dataDir, minimumFreeBytes: floorBytes, openLocked }: ReopeningOptions,
  clock: SchedulerLike,
): Promise<ReopeningStore> {
  const lock = await lockDataDir({ dataDir });
  // Held over all of them: between two stores nobody else may have the folder.
  const open = () => openLocked({ [Symbol.asyncDispose]: async () => undefined });
  const reserve = createReserve({ dataDir, floorBytes });
  try {
    return await keepOpen({ open, probe: () => probeDisk(dataDir), clock, lock, reserve });
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** As `openReopeningStore`, of parts. */
export async function keepOpen(parts: ReopeningParts): Promise<ReopeningStore> {
  await parts.reserve?.giveUpIfFull();
  return new Reopening(parts, await parts.open()).facade();
}

/** Sooner than a disk that is filling up is full: a gigabyte takes longer. */
const tendReserveEveryMs = 1_000;

/** A page: less would pass where the next record does not. */
const probeBytes = 4_096;

async function probeDisk(dataDir: string): Promise<void> {
  const path = join(dataDir, 'probe');
  const file = await openFile(path, 'w', 0o600);
  try {
    await file.write(Buffer.alloc(probeBytes));
    await file.datasync();
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

class Reopening {
  readonly #parts: ReopeningParts;
  readonly #touched$ = new Subject<Touched>();
  readonly #health$: BehaviorSubject<StoreHealth>;
  #current: Store;
  /** Its files are closed: only what it has in memory can be asked. */
  #closed = false;
  #listening: Subscription;
  readonly #tending: Subscription;
  #ending = false;
  readonly #end$ = new Subject<void>();
  #reopening: Promise<void> | null = null;

  constructor(parts: ReopeningParts, first: Store) {
    this.#parts = parts;
    this.#current = first;
    this.#health$ = new BehaviorSubject<StoreHealth>({ open: true, since: parts.clock.now(), detail: null });
    this.#listening = this.#listen(first);
    const { reserve, clock } = parts;
    this.#tending = (reserve === undefined ? EMPTY : interval(tendReserveEveryMs, clock))
      .pipe(exhaustMap(async () => reserve?.tend()))
      .subscribe();
  }

  facade(): ReopeningStore {
    const files = (): Store => this.#files();
    const memory = (): Store => this.#current;
    const health$ = this.#health$;
    const { reserve } = this.#parts;
    return {
      ...delegates(files),
      touched$: this.#touched$,
      failure: new Promise(() => undefined),
      health$,
      get missingReserveBytes() {
        return reserve?.missingBytes ?? 0;
      },
      get health() {
        return health$.value;
      },
      get log() {
        return files().log;
      },
      get evidence() {
        return files().evidence;
      },
      get recovery() {
        return memory().recovery;
      },
      get queue() {
        return memory().queue;
      },
      get unwritten() {
        return memory().unwritten;
      },
      figuresOf: (definitionId) => memory().figuresOf(definitionId),
      oldest: (definitionId) => memory().oldest(definitionId),
      [Symbol.asyncDispose]: () => this.#close(),
    };
  }

  #files(): Store {
    if (this.#closed) throw new EngineFailure('store-failed', this.#health$.value.detail ?? undefined);
    return this.#current;
  }

  #listen(store: Store): Subscription {
    void store.failure.then((failure) => {
      if (this.#ending || store !== this.#current) return;
      this.#say(false, failure.message);
      this.#reopening = this.#reopen();
    });
    return store.touched$.subscribe((touched) => this.#touched$.next(touched));
  }

  async #reopen(): Promise<void> {
    for (let tries = 0; !this.#ending; tries += 1) {
      const restMs = restsMs[Math.min(tries, restsMs.length - 1)] ?? restsMs[0];
      await firstValueFrom(merge(timer(restMs, this.#parts.clock), this.#end$));
      if (this.#ending) return;
      try {
        await this.#parts.reserve?.giveUpIfFull();
        await this.#parts.probe();
        await this.#closeFiles();
        const store = await this.#parts.open();
        this.#current = store;
        this.#closed = false;
        this.#listening = this.#listen(store);
        this.#say(true, null);
        return;
      } catch (error) {
        this.#say(false, messageOf(error));
      }
    }
  }

  async #closeFiles(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listening.unsubscribe();
    // Closing what has failed may fail too; its files are given up either way.
    await Promise.resolve(this.#current[Symbol.asyncDispose]()).catch(() => undefined);
  }

  #say(open: boolean, detail: string | null): void {
    const before = this.#health$.value;
    if (before.open === open && before.detail === detail) return;
    const since = before.open === open ? before.since : this.#parts.clock.now();
    this.#health$.next({ open, since, detail });
  }

  async #close(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#end$.next();
    this.#tending.unsubscribe();
    await this.#parts.reserve?.giveUpIfFull();
    const failed = !this.#health$.value.open;
    if (failed) await this.#reopening;
    try {
      if (!this.#closed) await (failed ? this.#closeFiles() : this.#current[Symbol.asyncDispose]());
    } finally {
      this.#touched$.complete();
      this.#health$.complete();
      await this.#parts.lock[Symbol.asyncDispose]();
    }
  }
}
