import { hostname } from 'node:os';
import { asyncScheduler, type Observable, type SchedulerLike, Subject, takeUntil } from 'rxjs';
import { createActor, toPromise } from 'xstate';
import type { EngineOutput, ListenerName } from '../machines/engine.events.ts';
import { emittedBy, type JournalActor, journalOf, spawnedJournals } from '../machines/follow.ts';
import { runtimeOf } from '../machines/journal.context.ts';
import type { JournalDefinition, RuntimeRecord } from '../machines/journal.events.ts';
import { schedulerClock } from '../streams/clock.ts';
import { type Closing, closing } from './close.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import { type EngineOptions, toEngineOptions, toSmtpOptions } from './config/to-options.ts';
import { openContentHasher } from './content/content-hasher.ts';
import { createApi } from './engine/api.ts';
import { type Definition, openDefinitionBook } from './engine/definition-book.ts';
import { openDirectory } from './engine/directory.ts';
import { gatewayOptions } from './engine/gateway.ts';
import { draftOf } from './engine/notes.ts';
import { processingNews, processingSetup } from './engine/pipelines.ts';
import { provideSlots, tlsOf } from './engine/slots.ts';
import { createWorkshop, type Workshop } from './engine/workshop.ts';
import { openHttpServer } from './http/server.ts';
import type { Log } from './log.ts';
import type { SmtpListener } from './smtp/types.ts';
import { openStore } from './store/open-store.ts';

export interface EngineSetup {
  readonly config: EngineConfig;
  /** Relative paths in the configuration are relative to its folder. */
  readonly configFile: string;
  readonly version: string;
  readonly log: Log;
  readonly clock?: SchedulerLike;
}
export interface RunningEngine {
  readonly url: string;
  /** Null while the listener is not bound. */
  smtpPort(): number | null;
  /** Drains and closes; resolves when all is closed. Idempotent. */
  stop(): Promise<EngineOutput>;
  /** Resolves when the engine has ended, for whatever reason. */
  readonly ended: Promise<EngineOutput>;
}

/**
 * Starts the engine: store, then journals and their listeners, then the API. The only place that knows every room.
 * @throws EngineFailure `locked`, `index-unknown`; the system's error where HTTP cannot be bound
 */
export async function startEngine(start: EngineSetup): Promise<RunningEngine> {
  const clock = start.clock ?? asyncScheduler;
  const stack = closing();
  try {
    const workshop = await openWorkshop(start, clock, stack);
    return await launch(workshop, stack);
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** Store, definitions, directory and the parts that all lines share. */
async function openWorkshop(
  { config, configFile, version, log }: EngineSetup,
  clock: SchedulerLike,
  stack: Closing,
): Promise<Workshop> {
  const options = toEngineOptions(config, { file: configFile, hostname: hostname() });
  const { dataDir, store: storing, directory: addresses } = options;
  const types = new Map(config.definitions.map(({ id, journalType }) => [id, journalType]));
  const store = stack.use(
    await openStore({
      dataDir,
      bytes: storing.bytes,
      segmentBytes: storing.segmentBytes,
      now: () => clock.now(),
      journalTypeOf: ({ definitionId }) => types.get(definitionId ?? '') ?? null,
    }),
  );
  const { tornBytes, damaged, folded } = store.recovery;
  log(damaged.length === 0 ? 'info' : 'error', 'store open', { dataDir, tornBytes, folded, damaged });
  const book = await openDefinitionBook(config.definitions, store.definitions, dataDir);
  const directory = await openDirectory(addresses, config.definitions);
  const hasher = stack.use(openContentHasher({ workers: 1 }));
  const fallback = book.all()[0]?.options;
  const setup = processingSetup(store, {
    directory,
    hashContent: (message) => hasher.hash(message),
    trustedRecipientHeaders: addresses.trustedRecipientHeaders,
    matching: options.matching,
    optionsFor: (item) => {
      if (item.definitionId === null) return gatewayOptions;
      const found = book.optionsFor(item) ?? fallback;
      if (found === undefined) throw new Error(`no options are known for intake ${item.intakeId}`);
      return found;
    },
  });
  return createWorkshop({ options, store, book, setup, clock, log, version });
}

/** Starts the chart with every slot filled, and the API on top. */
async function launch(workshop: Workshop, stack: Closing): Promise<RunningEngine> {
  const { options, book, clock, log, version } = workshop;
  const stop$ = new Subject<void>();
  const changed$ = new Subject<string>();
  const closings = new Set<Promise<void>>();
  let listener: SmtpListener | null = null;
  let stopping = false;
  const actor = createActor(
    await provideSlots(workshop, {
      stop$,
      closings,
      opened: (opened) => {
        listener = opened;
      },
      stopping: () => stopping,
      storeFailed: (detail) => {
        workshop.troubled(detail);
        const failed = { type: 'source.failed', at: clock.now(), kind: 'storage', detail } as const;
        for (const { id } of book.all()) journalOf(actor, id)?.send(failed);
      },
      close: async () => {
        await Promise.all(closings);
        const { records } = actor.getSnapshot().context;
        for (const [id, record] of Object.entries(records)) await saveRuntime(workshop, id, record);
        await stack[Symbol.asyncDispose]();
      },
    }),
    {
      input: { definitions: book.all().map(journalDefinition), listeners: listenersOf(book.all(), options), clock },
      clock: schedulerClock(clock),
    },
  );
  spawnedJournals(actor).subscribe(({ definitionId, actor: journal }) =>
    follow(workshop, changed$, definitionId, journal),
  );
  actor.on('*', (emitted) => {
    const draft = draftOf(null, emitted);
    if (draft !== null) workshop.note(draft);
  });
  actor.subscribe({ error: (error) => log('error', 'the engine broke', { error: String(error) }) });
  for (const definitionId of [...book.orphans, null]) runApart(workshop, definitionId, stop$);
  const api = createApi(workshop, actor, changed$);
  const { http, smtp } = options;
  const tls = http.tls === null ? undefined : await tlsOf(http.tls);
  const tokens = http.tokens.map(({ name, role, token }) => ({ name, role, token: token.reveal() }));
  const server = await openHttpServer(
    { host: http.host, port: http.port, tls, tokens, version, messageLimitBytes: smtp.maxMessageBytes, clock, log },
    api,
  );
  stack.defer(() => server.close());
  const ended = toPromise(actor).finally(() => changed$.complete());
  actor.start();
  log('info', 'engine started', { http: server.port });
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${http.host.includes(':') ? `[${http.host}]` : http.host}:${server.port}`,
    smtpPort: () => listener?.port ?? null,
    ended,
    stop: () => {
      if (!stopping) {
        stopping = true;
        actor.send({ type: 'engine.stop', at: clock.now() });
        stop$.next();
      }
      return ended;
    },
  };
}

/** Hears one journal: its notes go to the event log, its runtime record to the store, its changes to the stream. */
function follow(workshop: Workshop, changed$: Subject<string>, definitionId: string, journal: JournalActor): void {
  const { clock, log } = workshop;
  emittedBy(journal).subscribe((emitted) => {
    if (emitted.type !== 'runtime.due') {
      const draft = draftOf(definitionId, emitted);
      if (draft !== null) workshop.note(draft);
      return;
    }
    saveRuntime(workshop, definitionId, runtimeOf(journal.getSnapshot().context, clock.now())).catch((error: unknown) =>
      log('error', 'the runtime record could not be saved', { definitionId, error: String(error) }),
    );
  });
  journal.subscribe({ next: () => changed$.next(definitionId), error: () => changed$.next(definitionId) });
}

/** The line of mail that belongs to no journal of the file: the gateway's, and what a removed definition left in custody. */
function runApart(workshop: Workshop, definitionId: string | null, stop$: Observable<void>): void {
  const { store, setup, clock, options } = workshop;
  const expected = definitionId === null && options.gateway !== null;
  if (!expected && store.figuresOf(definitionId).queueMessages === 0) return;
  const troubled = ({ detail }: { readonly detail: string }): void => workshop.troubled(detail);
  processingNews(definitionId, { store, setup, clock, troubled }).pipe(takeUntil(stop$)).subscribe();
}

const saveRuntime = ({ store }: Workshop, definitionId: string, record: RuntimeRecord): Promise<void> =>
  store.definitions.saveRuntime(definitionId, { ...record });

function journalDefinition({ id, config, suspended }: Definition): JournalDefinition {
  const inactivityAllowedMs = config.transport === 'smtp' ? toSmtpOptions(config, []).inactivityAllowedMs : 10_800_000;
  return { definitionId: id, transport: config.transport, inactivityAllowedMs, suspended };
}

const listenersOf = (definitions: readonly Definition[], { gateway }: EngineOptions): readonly ListenerName[] => [
  ...(definitions.some(({ config }) => config.transport === 'smtp') ? (['smtp'] as const) : []),
  ...(gateway === null ? [] : (['gateway'] as const)),
];
