import { filter, finalize, map, merge, NEVER, Observable, of, Subject, type Subscription } from 'rxjs';
import { type ActorRefFrom, createActor, fromEventObservable } from 'xstate';
import { freshRecord, runtimeOf } from '../../machines/journal.context.ts';
import type { ProcessingInput, RuntimeRecord, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { statusOf } from '../../machines/journal.status.ts';
import type { DefinitionConfig } from '../../src/config/definition.schema.ts';
import { createDirectory } from '../../src/config/directory.ts';
import { journalDefinition } from '../../src/engine/announce.ts';
import { openDefinitionBook } from '../../src/engine/definition-book.ts';
import type { Definition, DefinitionBook } from '../../src/engine/definition-book.types.ts';
import { createMailboxFacts } from '../../src/engine/mailbox-facts.ts';
import { draftOf } from '../../src/engine/notes.ts';
import type { OwnMail } from '../../src/engine/own-mail.ts';
import { statusView } from '../../src/engine/status-board.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { assembleStore, logOn } from '../../src/store/assemble-store.ts';
import { decode } from '../../src/store/bodies.ts';
import type { Store } from '../../src/store/open-store.ts';
import { schedulerClock } from '../../streams/clock.ts';
import { ingest } from '../../streams/ingest.ts';
import type { MatchingOptions } from '../../streams/message.ts';
import type { Delivery, EventDraft, News } from '../../streams/ports.ts';
import { processing } from '../../streams/processing.ts';
import { MemoryDisk } from './memory-bytes.ts';
import { simBytes } from './sim-bytes.ts';
import type { SimClock } from './sim-clock.ts';
import { hashContent } from './sim-content.ts';
import { IndexDisk, openSimIndex } from './sim-index.ts';
import type { SimMailbox } from './sim-mailbox.ts';
import { simPop3 } from './sim-pop3.ts';
import { calm, SimPower } from './sim-power.ts';
import { sha256 } from './store-fixture.ts';

export interface WeekParts {
  readonly clock: SimClock;
  readonly configs: readonly DefinitionConfig[];
  /** For the key of the definitions alone. */
  readonly dataDir: string;
  readonly ownMail: OwnMail;
  readonly mailbox: SimMailbox;
  /** Throws where the mailbox cannot be reached. */
  readonly reachMailbox: () => void;
  /** Why no mail is taken, as the listener says it; null: it is. */
  readonly refusal: () => string | null;
}

const matching: MatchingOptions = {
  extendedWaitMs: 600_000,
  maxAgeMs: 30 * 86_400_000,
  expiredAction: 'hold',
  expiryClock: 'date',
  matchOnContent: false,
  continuityEvent: false,
};
const directory = createDirectory({
  internalDomains: ['north.example'],
  knownAddresses: new Set(),
  isServiceAddress: (key) => key.endsWith('@journal.north.example'),
});

/**
 * One engine over a week: the real store, ingest, processing, journal charts, definitions and status, on a clock that is
 * moved by hand over a disk in memory. Only the sockets are missing.
 */
export class WeekEngine {
  readonly store: Store;
  readonly book: DefinitionBook;
  readonly #parts: WeekParts;
  readonly #deliveries$ = new Subject<Delivery>();
  readonly #news$ = new Subject<News & { readonly place: string }>();
  readonly #facts = createMailboxFacts();
  readonly #listening = new Set<string>();
  readonly #actors = new Map<string, ActorRefFrom<typeof journalMachine>>();
  readonly #subscriptions: Subscription[] = [];
  #ids = 0;

  private constructor(store: Store, book: DefinitionBook, parts: WeekParts) {
    this.store = store;
    this.book = book;
    this.#parts = parts;
  }

  static async start(parts: WeekParts): Promise<WeekEngine> {
    const { clock, configs, dataDir } = parts;
    const power = new SimPower(clock, () => 0.5, calm);
    const store = await assembleStore({
      openLog: logOn(simBytes(new MemoryDisk(), power)),
      index: await openSimIndex(new IndexDisk(), power),
      lock: { [Symbol.asyncDispose]: async () => undefined },
      now: clock.now,
      journalTypeOf: () => 'eej',
    });
    const engine = new WeekEngine(store, await openDefinitionBook(configs, store.definitions, dataDir), parts);
    engine.#begin();
    return engine;
  }

  readonly newId = (): string => {
    this.#ids += 1;
    return `N${String(this.#ids).padStart(5, '0')}`;
  };

  readonly note = (draft: EventDraft): void => void this.store.events.append(draft);

  statuses(): readonly Status[] {
    return this.book.all().map((definition) => this.#statusOf(definition));
  }

  /** One message to the shared listener: the answer that its sender gets. */
  async send(place: string, bytes: Buffer): Promise<string> {
    const refusal = this.#parts.refusal();
    if (refusal !== null) return refusal;
    if (!this.#listening.has(place)) return '450';
    const receipt = this.store.custody.begin();
    await receipt.write(bytes);
    const transport = { kind: 'smtp', peer: '192.0.2.1', mailFrom: '', rcptTo: [] } as const;
    return new Promise((resolve) => {
      this.#deliveries$.next({
        receipt,
        destinations: [{ definitionId: place, definitionVersion: 1 }],
        origin: 'journal',
        transport: { ...transport, tls: null, authenticatedAs: null, uidl: null },
        acknowledge: () => resolve('250'),
        refuse: ({ code }) => resolve(code),
      });
    });
  }

  /** As an operator does it over the API. */
  async suspend(place: string, suspended: boolean, by: string, reason: string): Promise<void> {
    await this.book.setSuspended(place, suspended, { actor: by, reason });
    const type = suspended ? 'operator.suspend' : 'operator.activate';
    this.#actors.get(place)?.send({ type, at: this.#parts.clock.now() });
  }

  /** `poll`, by an operator: at once instead of at the next try. */
  retry(place: string, by: string): void {
    this.#actors.get(place)?.send({ type: 'operator.retry', at: this.#parts.clock.now(), actor: by });
  }

  /** What a session has seen of the server. */
  noteCertificate(place: string, endsAt: number): void {
    this.#facts.noteCertificate(place, endsAt);
  }

  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const actor of this.#actors.values()) actor.stop();
    await this.store[Symbol.asyncDispose]();
  }

  #statusOf(definition: Definition): Status {
    const actor = this.#actors.get(definition.id);
    if (actor === undefined) throw new Error(`${definition.id} was not started`);
    return statusView(
      {
        definition,
        journal: statusOf(actor.getSnapshot()),
        figures: this.store.figuresOf(definition.id),
        oldestAt: this.store.oldest(definition.id),
        rejected: 0,
        refusal: null,
        mailbox: this.#facts.of(definition.id),
        silence: null,
        canary: null,
        lapse: null,
        refusingSince: null,
        now: this.#parts.clock.now(),
      },
      matching,
    );
  }

  #begin(): void {
    const { clock, ownMail } = this.#parts;
    const taken$ = this.#deliveries$.pipe(
      ingest({ newId: this.newId, isOwn: ownMail.maybe }, { concurrency: 64 }, clock),
    );
    this.#subscriptions.push(
      taken$.subscribe((ingested) => {
        if (ingested.kind === 'refused' || ingested.own) return;
        for (const { definitionId } of ingested.destinations) {
          this.#news$.next({ type: 'source.extracted', at: clock.now(), count: 1, place: definitionId ?? '' });
        }
      }),
    );
    for (const definition of this.book.all()) this.#startJournal(definition);
  }

  #startJournal(definition: Definition): void {
    const { clock } = this.#parts;
    const { id } = definition;
    const machine = journalMachine.provide({
      actors: {
        source: fromEventObservable<SourceNews, SourceInput>(({ input }) => this.#source(definition, input)),
        processing: fromEventObservable<News, ProcessingInput>(() => this.#processing(definition)),
      },
    });
    const listener = { state: 'bound', at: clock.now() } as const;
    const record: RuntimeRecord = freshRecord(clock.now());
    const input = { ...journalDefinition(definition), record, listener, clock };
    const actor = createActor(machine, { clock: schedulerClock(clock), input });
    actor.on('*', (emitted) => {
      const draft = draftOf(id, emitted);
      if (draft !== null) this.note(draft);
      else void this.store.definitions.saveRuntime(id, { ...runtimeOf(actor.getSnapshot().context, clock.now()) });
    });
    this.#actors.set(id, actor);
    actor.start();
  }

  #source({ id, config }: Definition, start: SourceInput): Observable<SourceNews> {
    const { clock, mailbox, reachMailbox } = this.#parts;
    if (config.transport === 'pop3') {
      const newId = this.newId;
      const more = {
        failed: () => undefined,
        random: () => 0.5,
        plant: undefined,
        pollIntervalMs: 60_000,
        reachMailbox,
      };
      return simPop3({ store: this.store, mailbox, clock, newId, place: id, ...more }, start);
    }
    return new Observable<SourceNews>((subscriber) => {
      this.#listening.add(id);
      return merge(of({ type: 'source.bound', at: clock.now() } as const), this.#news$, NEVER)
        .pipe(
          filter((news) => !('place' in news) || news.place === id),
          map((news) => news as SourceNews),
          finalize(() => this.#listening.delete(id)),
        )
        .subscribe(subscriber);
    });
  }

  #processing({ id, options }: Definition): Observable<News> {
    const { clock, ownMail } = this.#parts;
    const { spool, archive, bodies, messages, touched$ } = this.store;
    const wake$ = touched$.pipe(filter(({ due }) => due.has(id)));
    const reading = { unwrap, decode, hashBytes: sha256, hashContent, ownFlagOf: ownMail.flagOf };
    const ports = { spool, archive, bodies, messages, wake$, directory, trustedRecipientHeaders: [], ...reading };
    return processing(ports, { definitionId: id, window: 128, matching, optionsFor: () => options }, clock).pipe(
      filter((news) => news.type === 'processing.settled'),
    );
  }
}
