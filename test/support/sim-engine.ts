import { filter, finalize, map, merge, NEVER, Observable, of, Subject, type Subscription, tap as tapOf } from 'rxjs';
import { type ActorRefFrom, createActor, fromEventObservable } from 'xstate';
import type { ProcessingInput, RuntimeRecord, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { createDirectory } from '../../src/config/directory.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { assembleStore, logOn } from '../../src/store/assemble-store.ts';
import { decode } from '../../src/store/bodies.ts';
import type { Store } from '../../src/store/open-store.ts';
import { schedulerClock } from '../../streams/clock.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { ingest } from '../../streams/ingest.ts';
import type { JournalOptions, MatchingOptions } from '../../streams/message.ts';
import type { Delivery, News } from '../../streams/ports.ts';
import { processing } from '../../streams/processing.ts';
import type { MemoryDisk } from './memory-bytes.ts';
import { simBytes } from './sim-bytes.ts';
import type { SimClock } from './sim-clock.ts';
import { hashContent } from './sim-content.ts';
import type { Plant } from './sim-figures.ts';
import { type IndexDisk, openSimIndex } from './sim-index.ts';
import { box, exchange, type Place, tap } from './sim-mail.ts';
import type { SimMailbox } from './sim-mailbox.ts';
import { simPop3 } from './sim-pop3.ts';
import type { SimPower } from './sim-power.ts';
import { sha256 } from './store-fixture.ts';

/** What one seed configures. */
export interface SimSettings {
  readonly options: Readonly<Record<Place, JournalOptions>>;
  readonly matching: MatchingOptions;
  /** Small, so that a window's border is met. */
  readonly window: number;
  readonly checkpointBytes: number;
  readonly chunkBytes: number;
}
export interface EngineParts {
  readonly disk: MemoryDisk;
  readonly index: IndexDisk;
  readonly power: SimPower;
  readonly clock: SimClock;
  readonly settings: SimSettings;
  /** Outside: it is there in every life. */
  readonly mailbox: SimMailbox;
  readonly random: () => number;
  readonly newId: () => string;
  readonly plant: Plant | undefined;
  /** Our own actors must never break: told with what they said. */
  readonly broke: (what: string) => void;
}

export const places: readonly Place[] = [exchange, tap, box];
const directory = createDirectory({
  internalDomains: ['north.example'],
  knownAddresses: new Set(),
  isServiceAddress: (key) => key.startsWith('jrnl@'),
});

/** One life of the engine: the real store, ingest, processing and journal actors, wired as in the product. */
export class SimEngine {
  /** Made once, since a machine that is provided anew is put together anew; whose actor it is, its system says. */
  static readonly #lives = new WeakMap<object, SimEngine>();
  static readonly #lifeOf = (system: object): SimEngine => {
    const life = SimEngine.#lives.get(system);
    if (life === undefined) throw new Error('an actor of no life');
    return life;
  };
  static readonly #machine = journalMachine.provide({
    actors: {
      source: fromEventObservable<SourceNews, SourceInput>(({ input, system }) =>
        SimEngine.#lifeOf(system).#source(input),
      ),
      processing: fromEventObservable<News, ProcessingInput>(({ input, system }) =>
        SimEngine.#lifeOf(system).#processing(input.definitionId as Place),
      ),
    },
  });

  readonly store: Store;
  readonly #parts: EngineParts;
  readonly #deliveries$ = new Subject<Delivery>();
  readonly #news$ = new Subject<SourceNews & { readonly place: string }>();
  readonly #open = new Set<string>();
  readonly #actors = new Map<Place, ActorRefFrom<typeof journalMachine>>();
  readonly #subscriptions: Subscription[] = [];
  /** The store has failed: nothing more is promised in this life. */
  failed = false;
  #halted = false;

  private constructor(store: Store, parts: EngineParts) {
    this.store = store;
    this.#parts = parts;
  }

  /** Opens the store over what the disks hold, and starts. */
  static async start(parts: EngineParts): Promise<SimEngine> {
    const { disk, power, clock, settings } = parts;
    const index = await openSimIndex(parts.index, power, parts.plant);
    const store = await assembleStore({
      openLog: logOn(simBytes(disk, power, parts.plant)),
      index,
      lock: { [Symbol.asyncDispose]: async () => undefined },
      now: clock.now,
      journalTypeOf: ({ definitionId }) => settings.options[definitionId as Place].journalType,
      checkpointBytes: settings.checkpointBytes,
      chunkBytes: settings.chunkBytes,
    });
    const engine = new SimEngine(store, parts);
    await engine.#begin();
    return engine;
  }

  /** True while mail for that place is let in; false is answered with 450. */
  takes(place: Place): boolean {
    return this.#open.has(place);
  }

  deliver(delivery: Delivery): void {
    this.#deliveries$.next(delivery);
  }

  /** As an operator does it: durable first, then done. */
  async suspend(place: Place, suspended: boolean): Promise<void> {
    const command = suspended ? 'suspend' : 'activate';
    const event = {
      type: `definition.${command}`,
      severity: 'info',
      actor: 'op',
      intakeId: null,
      entryId: null,
    } as const;
    const facts = { command, definitionId: place, provisioned: false } as const;
    try {
      await this.store.definitions.command({ ...facts, event: { ...event, definitionId: place, data: {} } });
    } catch (error) {
      // Where no mail is let in, nobody else meets the failed store.
      if (error instanceof EngineFailure && error.code === 'store-failed') this.failed = true;
      throw error;
    }
    if (this.#halted) return;
    this.#actors.get(place)?.send({ type: `operator.${command}`, at: this.#parts.clock.now() });
  }

  /** Ends the actors; what they did is on disk or is done again. */
  halt(): void {
    this.#halted = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const actor of this.#actors.values()) actor.stop();
  }

  async #begin(): Promise<void> {
    const { clock, newId, broke } = this.#parts;
    const taken$ = this.#deliveries$.pipe(ingest({ newId }, { concurrency: 64 }, clock));
    this.#subscriptions.push(
      taken$.subscribe({
        next: (ingested) => {
          if (ingested.kind === 'refused') {
            if (ingested.failure.code === 'store-failed') this.failed = true;
            return;
          }
          for (const { definitionId } of ingested.destinations) {
            this.#news$.next({ type: 'source.extracted', at: clock.now(), count: 1, place: definitionId ?? '' });
          }
        },
        error: (error) => broke(`ingest: ${String(error)}`),
      }),
    );
    for (const place of places) await this.#startJournal(place);
  }

  async #startJournal(place: Place): Promise<void> {
    const { store } = this;
    const { clock, broke } = this.#parts;
    if ((await store.definitions.get(place)) === undefined) {
      const event = {
        type: 'definition.created',
        severity: 'info',
        actor: 'engine',
        intakeId: null,
        entryId: null,
      } as const;
      const facts = {
        command: 'define',
        definitionId: place,
        version: 1,
        document: {},
        suspended: false,
        digest: '',
      } as const;
      await store.definitions.command({ ...facts, event: { ...event, definitionId: place, data: {} } });
    }
    const row = await store.definitions.get(place);
    const record = (await store.definitions.loadRuntime(place)) ?? null;
    const actor = createActor(SimEngine.#machine, {
      clock: schedulerClock(clock),
      input: {
        definitionId: place,
        transport: place === box ? 'pop3' : 'smtp',
        inactivityAllowedMs: 30_000,
        suspended: row?.suspension?.suspended ?? false,
        record: record as RuntimeRecord | null,
        listener: { state: 'bound', at: clock.now() },
        clock,
      },
    });
    SimEngine.#lives.set(actor.system, this);
    actor.on('runtime.due', () => {
      const { status, since, firstRunDone, lastSuccessfulExtractAt, lastMessageAt, listenedMs } =
        actor.getSnapshot().context;
      const kept = { status, since, firstRunDone, lastSuccessfulExtractAt, lastMessageAt, listenedMs };
      const none = { failures: 0, lastError: null, nextRetryAt: null, mailboxQueue: null, mailboxQueueAt: null };
      void store.definitions.saveRuntime(place, { ...kept, ...none });
    });
    actor.on('connector.error', ({ part, detail }) => {
      // A mailbox may fail as it likes; processing never does.
      if (place !== box || part !== 'source') broke(`${part} of ${place}: ${detail}`);
    });
    actor.subscribe({ error: (error) => broke(`journal ${place}: ${String(error)}`) });
    this.#actors.set(place, actor);
    actor.start();
  }

  #source(start: SourceInput): Observable<SourceNews> {
    return start.definitionId === box ? this.#pop3(start) : this.#smtp(start.definitionId as Place);
  }

  /** The shared listener's news for one definition; mail is let in while somebody listens. */
  #smtp(place: Place): Observable<SourceNews> {
    return new Observable<SourceNews>((subscriber) => {
      this.#open.add(place);
      return merge(of({ type: 'source.bound', at: this.#parts.clock.now() } as const), this.#news$, NEVER)
        .pipe(
          filter((news) => !('place' in news) || news.place === place),
          map(({ ...news }) => news as SourceNews),
          finalize(() => this.#open.delete(place)),
        )
        .subscribe(subscriber);
    });
  }

  #pop3(start: SourceInput): Observable<SourceNews> {
    const failed = (): void => {
      this.failed = true;
    };
    return new Observable<SourceNews>((subscriber) => {
      this.#open.add(box);
      return simPop3({ ...this.#parts, store: this.store, failed }, start)
        .pipe(finalize(() => this.#open.delete(box)))
        .subscribe(subscriber);
    });
  }

  #processing(place: Place): Observable<News> {
    const { spool, archive, bodies, messages, touched$ } = this.store;
    const { clock, settings } = this.#parts;
    const wake$ = touched$.pipe(filter(({ due }) => due.has(place)));
    const ports = {
      spool,
      archive,
      bodies,
      messages,
      wake$,
      unwrap,
      decode,
      hashBytes: sha256,
      hashContent,
      directory,
    };
    const options = {
      definitionId: place,
      window: settings.window,
      matching: settings.matching,
      optionsFor: () => settings.options[place],
    };
    return processing({ ...ports, trustedRecipientHeaders: [] }, options, clock).pipe(
      tapOf((news) => {
        if (news.type === 'processing.failed' && !news.detail.includes('at a read')) this.failed = true;
      }),
      filter((news) => news.type === 'processing.settled'),
    );
  }
}
