import { type Observable, takeUntil } from 'rxjs';
import { fromEventObservable, fromPromise } from 'xstate';
import type { ListenerInput, ListenerNews, OpenedStore } from '../../machines/engine.events.ts';
import { engineMachine } from '../../machines/engine.machine.ts';
import type { ProcessingInput, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import type { News } from '../../streams/ports.ts';
import { loadTls } from '../config/tls-files.ts';
import type { EngineOptions } from '../config/to-options.ts';
import type { SmtpListener } from '../smtp/types.ts';
import { createCapacity } from './capacity.ts';
import { expiryCheck } from './expiry-check.ts';
import { gatewayRoutes } from './gateway.ts';
import { listenerNews } from './listener-slot.ts';
import { createNewId } from './new-id.ts';
import { processingNews } from './pipelines.ts';
import { openMailboxes } from './pop3-slot.ts';
import { loadRuntimes } from './runtimes.ts';
import { createRoutes } from './smtp-routes.ts';
import type { Workshop } from './workshop.ts';

/** What the slots need of the engine around them. */
export interface Slots {
  readonly stop$: Observable<void>;
  readonly closings: Set<Promise<void>>;
  readonly opened: (listener: SmtpListener | null) => void;
  readonly stopping: () => boolean;
  /** The store failed: every definition shows it, and nothing more is taken. */
  readonly storeFailed: (detail: string) => void;
  readonly close: () => Promise<void>;
}

/** The engine chart with every slot filled by the real thing. */
export async function provideSlots(
  workshop: Workshop,
  { stop$, closings, opened, stopping, storeFailed, close }: Slots,
) {
  const { options, store, book, setup, clock, log, rejections, accepted } = workshop;
  const { dataDir, smtp, limits, matching } = options;
  const { minimumFreeBytes } = options.store;
  const capacity = createCapacity(store, {
    dataDir,
    minimumFreeBytes,
    ...limits,
    now: () => clock.now(),
    stopping,
    failed: storeFailed,
  });
  const newId = createNewId(clock);
  const tls = smtp.tls === null ? undefined : await tlsOf(smtp.tls);
  const ports = {
    custody: capacity.custody,
    ...createRoutes(book, smtp.authorizedSources),
    admit: capacity.admit,
    rejected: rejections.note,
    log,
    clock,
  };
  const mailboxes = openMailboxes(workshop, { capacity, newId });
  const gateway = options.gateway ?? { host: smtp.host, port: 0, authorizedSources: [] };
  const listening = (input: ListenerInput): Observable<ListenerNews> => {
    const common = { clock, ingested: accepted.note, closings };
    const listener = { ...smtp, tls, maxAgeMs: matching.maxAgeMs };
    if (input.name === 'gateway') {
      const { host, port, authorizedSources } = gateway;
      const forGateway = { ...ports, ...gatewayRoutes(authorizedSources) };
      const open = { ...listener, host, port, origin: 'gateway' as const };
      return listenerNews(
        { ...common, smtp: open, ports: forGateway, ingest: { newId }, opened: () => undefined },
        input,
      );
    }
    const ingest = { newId, ...expiryCheck(workshop, 'reject') };
    return listenerNews({ ...common, smtp: { ...listener, origin: 'journal' }, ports, ingest, opened }, input);
  };
  const source = ({ definitionId, ...start }: SourceInput): Observable<News> => {
    const definition = book.get(definitionId);
    if (definition?.config.transport !== 'pop3') return accepted.of(definitionId);
    return mailboxes.newsOf(definition, start);
  };
  const line = (definitionId: string): Observable<News> =>
    processingNews(definitionId, { store, setup, clock, troubled: ({ detail }) => workshop.troubled(detail) }).pipe(
      takeUntil(stop$),
    );
  return engineMachine.provide({
    actors: {
      store: fromPromise<OpenedStore>(async () => ({ records: await loadRuntimes(workshop) })),
      listener: fromEventObservable<ListenerNews, ListenerInput>(({ input }) => listening(input)),
      closing: fromPromise<void>(async () => {
        await mailboxes[Symbol.asyncDispose]();
        await close();
      }),
      journal: journalMachine.provide({
        actors: {
          source: fromEventObservable<SourceNews, SourceInput>(({ input }) => source(input) as Observable<SourceNews>),
          processing: fromEventObservable<News, ProcessingInput>(({ input }) => line(input.definitionId)),
        },
      }),
    },
  });
}

/** A usable pair. @throws Error with what is wrong, nothing of the key in it */
export async function tlsOf(files: NonNullable<EngineOptions['smtp']['tls']>) {
  const loaded = await loadTls(files);
  if (!loaded.ok) throw new Error(loaded.faults.map(({ text }) => text).join('; '));
  return { cert: loaded.cert, key: loaded.key };
}
