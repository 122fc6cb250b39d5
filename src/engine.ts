import { hostname } from 'node:os';
import { asyncScheduler, type SchedulerLike, Subject } from 'rxjs';
import { createActor, toPromise } from 'xstate';
import type { EngineOutput } from '../machines/engine.events.ts';
import { spawnedJournals, tellJournal } from '../machines/follow.ts';
import { schedulerClock } from '../streams/clock.ts';
import { isGatewayCopy } from '../streams/gateway-envelope.ts';
import { type Closing, closing } from './close.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import { toEngineOptions } from './config/to-options.ts';
import { openContentHasher } from './content/content-hasher.ts';
import { createAdministration } from './engine/administration.ts';
import { announce, journalDefinition, listenersOf } from './engine/announce.ts';
import { runApart } from './engine/apart.ts';
import { createApi } from './engine/api.ts';
import { openBackend } from './engine/backend.ts';
import { openBackground } from './engine/background.ts';
import { openDefinitionBook } from './engine/definition-book.ts';
import type { DefinitionBook } from './engine/definition-book.types.ts';
import { engineEvent } from './engine/definition-events.ts';
import { createDetailedLogs } from './engine/detailed-logs.ts';
import { type LiveDirectory, openDirectory } from './engine/directory.ts';
import { openEvidence } from './engine/evidence.ts';
import { gatewayOptions } from './engine/gateway.ts';
import { openHousekeeping } from './engine/housekeeping.ts';
import { followJournal, saveRuntimes } from './engine/journal-news.ts';
import { openExaminers, openLargeMail } from './engine/large-mail.ts';
import { liveMatching, liveOptions } from './engine/live-options.ts';
import { draftOf } from './engine/notes.ts';
import { openOwnMail } from './engine/own-mail.ts';
import { processingSetup } from './engine/pipelines.ts';
import { openRejectedCounts } from './engine/rejected-counts.ts';
import { type Reloaded, type ReloadParts, reload } from './engine/reload.ts';
import { openReminders } from './engine/reminders.ts';
import { provideSlots } from './engine/slots.ts';
import { keepSmallFiles } from './engine/small-files.ts';
import { followStore } from './engine/store-health.ts';
import { openSuspects } from './engine/suspects.ts';
import { createWorkshop, type Workshop } from './engine/workshop.ts';
import type { Log } from './log.ts';
import { masterKeyFrom } from './master-key.ts';
import { accessToken, openApi } from './open-api.ts';

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
  /** As `/readyz` says. */
  isReady(): boolean;
  /** Applies a configuration that was read again, or refuses it as a whole. */
  reload(config: EngineConfig): Promise<Reloaded>;
  /** Drains and closes; resolves when all is closed. Idempotent. */
  stop(): Promise<EngineOutput>;
  /** Resolves when the engine has ended, for whatever reason. */
  readonly ended: Promise<EngineOutput>;
}

/**
 * Starts the engine: store, then journals and their listeners, then the API. The only place that knows every room.
 * @throws EngineFailure `locked`, `key-unusable`, `index-unknown`; the system's error where HTTP cannot be bound
 */
export async function startEngine(start: EngineSetup): Promise<RunningEngine> {
  const stack = closing();
  try {
    return await launch(start, await openWorkshop(start, stack), stack);
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** Store, definitions, directory and the parts that all lines share. */
async function openWorkshop(
  { config, configFile, version, log, clock: wall = asyncScheduler }: EngineSetup,
  stack: Closing,
): Promise<Opened> {
  const live = liveOptions(toEngineOptions(config, { file: configFile, hostname: hostname() }));
  const { dataDir, store: storing, directory: addresses } = live.current;
  const master = await masterKeyFrom(storing.encryption);
  let known: DefinitionBook | undefined;
  const large = stack.use(openLargeMail(wall));
  const { store, duties, clock, logBytes, sight, packs } = await openBackend(
    live.current,
    {
      master,
      clock: wall,
      log,
      readLarge: large.read,
      journalTypeOf: (item) => (isGatewayCopy(item) ? null : (known?.optionsFor(item)?.journalType ?? null)),
    },
    stack,
  );
  await keepSmallFiles({ dataDir, log, stack });
  const { tornBytes, damaged, folded } = store.recovery;
  log(damaged.length === 0 ? 'info' : 'error', 'store open', {
    dataDir,
    tornBytes,
    folded,
    damaged,
    masterKey: master?.id ?? null,
  });
  const book = await openDefinitionBook(config.definitions, store.definitions, dataDir);
  known = book;
  const directory = await openDirectory(addresses, book);
  const detail = stack.use(createDetailedLogs({ dataDir, book, clock, log }));
  const hasher = stack.use(openContentHasher({ workers: 1 }));
  const own = await openOwnMail(live.current, book);
  const rejected = stack.use(await openRejectedCounts({ dataDir, clock, log }));
  const examiners = stack.use(openExaminers(clock));
  const setup = processingSetup(store, {
    ...own,
    directory,
    hashContent: (message) => hasher.hash(message),
    large,
    suspicion: stack.use(await openSuspects({ dataDir, clock, log })),
    trustedRecipientHeaders: addresses.trustedRecipientHeaders,
    matching: liveMatching(live),
    optionsFor: (item) => {
      if (item.definitionId === null || isGatewayCopy(item)) return gatewayOptions;
      const found = book.optionsFor(item) ?? book.all()[0]?.options;
      if (found === undefined) throw new Error(`no options are known for intake ${item.intakeId}`);
      return found;
    },
  });
  const parts = {
    ...own,
    duties,
    logBytes,
    sight,
    packs,
    rejected,
    detail,
    live,
    store,
    book,
    setup,
    examiners,
    clock,
    log,
    version,
  };
  return { workshop: createWorkshop(parts), directory };
}

interface Opened {
  readonly workshop: Workshop;
  readonly directory: LiveDirectory;
}

/** Starts the chart with every slot filled, and the API on top. */
async function launch(start: EngineSetup, { workshop, directory }: Opened, stack: Closing): Promise<RunningEngine> {
  const { options, book, clock, log } = workshop;
  const stop$ = new Subject<void>();
  const changed$ = new Subject<string>();
  let stopping = false;
  const { machine, mailboxes, listeners, imports } = await provideSlots(workshop, {
    stop$,
    stopping: () => stopping,
    tellLate: (definitionId, news) => tellJournal(actor, definitionId, news),
    close: async () => {
      const { records } = actor.getSnapshot().context;
      // Also where the store cannot be written what is held is given back.
      await saveRuntimes(workshop, records).finally(() => stack[Symbol.asyncDispose]());
    },
  });
  const input = { definitions: book.all().map(journalDefinition), listeners: listenersOf(book.all(), options), clock };
  const actor = createActor(machine, { input, clock: schedulerClock(clock) });
  spawnedJournals(actor).subscribe(({ definitionId, actor: journal }) =>
    followJournal(workshop, changed$, definitionId, journal),
  );
  actor.on('*', (emitted) => {
    const draft = draftOf(null, emitted);
    if (draft !== null) workshop.note(draft);
  });
  actor.subscribe({ error: (error) => log('error', 'the engine broke', { error: String(error) }) });
  followStore(workshop, actor);
  runApart(workshop, stop$);
  stack.use(workshop.shedding);
  stack.use(openHousekeeping(workshop));
  stack.use(openReminders({ ...workshop, events: workshop.store.events }));
  if (options.matching.continuityEvent) workshop.note(engineEvent('continuity.on', {}));
  const evidence = stack.use(await openEvidence(workshop));
  const administration = createAdministration({ workshop, actor, mailboxes });
  const background = await openBackground(workshop, evidence, { actor, stack, changed$, ...administration });
  const api = createApi(workshop, actor, { ...administration, evidence, imports, background }, changed$);
  const server = await openApi(workshop, api);
  stack.defer(() => server.close());
  const ended = toPromise(actor).finally(() => changed$.complete());
  actor.start();
  log('info', 'engine started', { http: server.port });
  const { host, tls } = options.http;
  const parts: ReloadParts = {
    start: start.config,
    directory,
    announce: (changes) => announce(workshop, actor, changes, 'engine'),
    useTokens: (tokens) => server.updateTokens(tokens.map(accessToken)),
    useTls: (pairs) => {
      if (pairs.smtp !== null) listeners.updateTls(pairs.smtp);
      if (pairs.http === null || tls === null) return;
      server.updateTls(pairs.http);
      workshop.certificates.set('http.tls', pairs.http.notAfterAt);
    },
  };
  return {
    url: `${tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    smtpPort: () => listeners.get('smtp')?.port ?? null,
    ended,
    isReady: () => api.readiness().ready,
    reload: (config) => {
      const read = { config, options: toEngineOptions(config, { file: start.configFile, hostname: hostname() }) };
      return administration.inTurn(() => reload(workshop, parts, read));
    },
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
