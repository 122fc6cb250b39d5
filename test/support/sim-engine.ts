import { filter, finalize, map, merge, NEVER, Observable, of, Subject, type Subscription, tap as tapOf } from 'rxjs';
import { type ActorRefFrom, createActor, fromEventObservable } from 'xstate';
import type { ProcessingInput, RuntimeRecord, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { createDirectory } from '../../src/config/directory.ts';
import { type Duties, definitionDuty, onAllOrOwn } from '../../src/engine/duties.ts';
import { whileResumed } from '../../src/engine/resumed.ts';
import { takenElsewhere } from '../../src/engine/taken-elsewhere.ts';
import type { Workshop } from '../../src/engine/workshop.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { DefinitionRow } from '../../src/store/rows.ts';
import { schedulerClock } from '../../streams/clock.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { ingest } from '../../streams/ingest.ts';
import type { Delivery, News } from '../../streams/ports.ts';
import { processing } from '../../streams/processing.ts';
import type { Whose } from '../../streams/spool.ts';
import type { SimBackend } from './sim-backend.ts';
import { hashContent } from './sim-content.ts';
import type { Plant } from './sim-figures.ts';
import { box, exchange, type Place, tap } from './sim-mail.ts';
import type { SimMailbox } from './sim-mailbox.ts';
import { openSimPop3, type PollSim } from './sim-pop3.ts';
import type { SimSettings } from './sim-settings.ts';
import { sha256 } from './store-fixture.ts';

export interface EngineParts {
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

const isOperator = (type: string): boolean => type === 'definition.suspend' || type === 'definition.activate';

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
  readonly #backend: SimBackend;
  readonly #parts: EngineParts;
  readonly #deliveries$ = new Subject<Delivery>();
  readonly #news$ = new Subject<SourceNews & { readonly place: string }>();
  readonly #open = new Set<string>();
  readonly #actors = new Map<Place, ActorRefFrom<typeof journalMachine>>();
  readonly #subscriptions: Subscription[] = [];
  readonly #mailbox: PollSim;
  /** The store has failed: nothing more is promised in this life. */
  failed = false;
  halted = false;

  private constructor(backend: SimBackend, parts: EngineParts) {
    this.store = backend.store;
    this.#backend = backend;
    this.#parts = parts;
    const failed = (): void => this.#meetFailure();
    this.#mailbox = openSimPop3({ ...parts, clock: backend.clock, store: this.store, failed });
  }

  /** Starts on what was opened over what the disks hold. */
  static async start(backend: SimBackend, parts: EngineParts): Promise<SimEngine> {
    const engine = new SimEngine(backend, parts);
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
      if (error instanceof EngineFailure && error.code === 'store-failed') this.#meetFailure();
      throw error;
    }
    if (this.halted) return;
    this.#actors.get(place)?.send({ type: `operator.${command}`, at: this.#backend.clock.now() });
  }

  /** Ends the actors; what they did is on disk or is done again. */
  halt(): void {
    this.halted = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const actor of this.#actors.values()) actor.stop();
  }

  /** As an operator stops it. */
  async close(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#backend.close();
  }

  async #begin(): Promise<void> {
    const { newId, broke } = this.#parts;
    const { clock } = this.#backend;
    const { duties, store } = this;
    void store.failure.then(() => {
      this.failed = true;
    });
    duties.want(places.map(definitionDuty));
    duties.beforeLeaving((name) => this.#save(places.find((place) => definitionDuty(place) === name) ?? box));
    this.#subscriptions.push(
      store.touched$
        .pipe(filter(({ elsewhere = false, events }) => elsewhere && events.some(({ type }) => isOperator(type))))
        .subscribe(() => void this.#takeOver()),
    );
    const taken$ = this.#deliveries$.pipe(ingest({ newId }, { concurrency: 64 }, clock));
    this.#subscriptions.push(
      taken$.subscribe({
        next: (ingested) => {
          if (ingested.kind === 'refused') {
            if (ingested.failure.code === 'store-failed') this.#meetFailure();
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
    const { broke } = this.#parts;
    const { clock } = this.#backend;
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
      const isMissing = (rows: readonly DefinitionRow[]): boolean => rows.every((row) => row.definitionId !== place);
      await store.definitions.command({ ...facts, event: { ...event, definitionId: place, data: {} } }, isMissing);
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
    actor.on('runtime.due', () => void this.#save(place));
    actor.on('connector.error', ({ part, detail }) => {
      // A mailbox may fail as it likes; processing never does.
      if (place !== box || part !== 'source') broke(`${part} of ${place}: ${detail}`);
    });
    actor.subscribe({ error: (error) => broke(`journal ${place}: ${String(error)}`) });
    this.#actors.set(place, actor);
    actor.start();
  }

  async #save(place: Place): Promise<void> {
    const actor = this.#actors.get(place);
    if (actor === undefined || !this.duties.isMine(definitionDuty(place))) return;
    const { status, since, firstRunDone, lastSuccessfulExtractAt, lastMessageAt, listenedMs } =
      actor.getSnapshot().context;
    const kept = { status, since, firstRunDone, lastSuccessfulExtractAt, lastMessageAt, listenedMs };
    const none = { failures: 0, lastError: null, nextRetryAt: null, mailboxQueue: null, mailboxQueueAt: null };
    await this.store.definitions.saveRuntime(place, { ...kept, ...none }).catch(() => undefined);
  }

  get duties(): Duties {
    return this.#backend.duties;
  }

  /** What an operator has asked another worker for. */
  async #takeOver(): Promise<void> {
    for (const place of places) {
      const isSuspended = (await this.store.definitions.get(place))?.suspension?.suspended ?? false;
      if (this.halted) return;
      const type = isSuspended ? 'operator.suspend' : 'operator.activate';
      if (isSuspended === this.takes(place)) this.#actors.get(place)?.send({ type, at: this.#backend.clock.now() });
    }
  }

  /** A log of its own has failed with what it was asked; one in a cluster says so itself once nobody waits any more. */
  #meetFailure(): void {
    if (this.duties.worker === null) this.failed = true;
  }

  #source(start: SourceInput): Observable<SourceNews> {
    const place = start.definitionId as Place;
    return new Observable<SourceNews>((subscriber) => {
      this.#open.add(place);
      return (place === box ? this.#pop3(start) : this.#smtp(start))
        .pipe(finalize(() => this.#open.delete(place)))
        .subscribe(subscriber);
    });
  }

  /** The shared listener's news for one definition; mail is let in while somebody listens. */
  #smtp(start: SourceInput): Observable<SourceNews> {
    const { definitionId: place } = start;
    const own$ = this.#news$.pipe(
      filter((news) => news.place === place),
      map(({ ...news }) => news as SourceNews),
    );
    const isAlone = this.duties.worker === null;
    const taken$ = takenElsewhere(this.#workshop, place);
    const bound = { type: 'source.bound', at: this.#backend.clock.now() } as const;
    const resumed$ = isAlone ? NEVER : whileResumed(this.#workshop, place, start, () => NEVER);
    return merge(of(bound), own$, taken$, resumed$) as Observable<SourceNews>;
  }

  #pop3(start: SourceInput): Observable<SourceNews> {
    return whileResumed(this.#workshop, box, start, this.#mailbox) as Observable<SourceNews>;
  }

  /** As much of the engine around them as the parts of a cluster ask for. */
  get #workshop(): Workshop {
    const { clock } = this.#backend;
    return { duties: this.duties, store: this.store, clock, log: () => undefined } as unknown as Workshop;
  }

  #processing(place: Place): Observable<News> {
    return onAllOrOwn(this.duties, definitionDuty(place), (whose) => this.#line(place, whose));
  }

  #line(place: Place, whose: Whose): Observable<News> {
    const { spool, archive, bodies, messages, touched$ } = this.store;
    const { settings } = this.#parts;
    const { clock } = this.#backend;
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
      whose,
      matching: settings.matching,
      optionsFor: () => settings.options[place],
    };
    return processing({ ...ports, trustedRecipientHeaders: [] }, options, clock).pipe(
      tapOf((news) => {
        if (news.type === 'processing.failed' && !news.detail.includes('at a read')) this.#meetFailure();
      }),
      filter((news) => news.type === 'processing.settled'),
    );
  }
}
