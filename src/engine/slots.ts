import { EMPTY, merge, NEVER, type Observable, takeUntil, tap } from 'rxjs';
import { fromEventObservable, fromPromise } from 'xstate';
import type { ListenerInput, ListenerNews, OpenedStore } from '../../machines/engine.events.ts';
import { engineMachine } from '../../machines/engine.machine.ts';
import type { ProcessingInput, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import type { News } from '../../streams/ports.ts';
import { createCapacity } from './capacity.ts';
import { definitionDuty, onAllOrOwn } from './duties.ts';
import { createImportApi } from './imports.ts';
import { createListeners } from './listeners.ts';
import { createNewId } from './new-id.ts';
import { processingNews } from './pipelines.ts';
import { openMailboxes } from './pop3-slot.ts';
import { whileResumed } from './resumed.ts';
import { loadRuntimes } from './runtimes.ts';
import { tellCanaries } from './settled-canaries.ts';
import { admissionOf } from './shedding.ts';
import { takenElsewhere } from './taken-elsewhere.ts';
import type { Workshop } from './workshop.ts';

/** What the slots need of the engine around them. */
export interface Slots {
  readonly stop$: Observable<void>;
  readonly stopping: () => boolean;
  readonly close: () => Promise<void>;
  /** Tells a journal what became of a session after its source was left. */
  readonly tellLate: (definitionId: string, news: News) => void;
}

/** The engine chart with every slot filled by the real thing, and the listeners and mailboxes that fill them. */
export async function provideSlots(workshop: Workshop, { stop$, stopping, close, tellLate }: Slots) {
  const { options, store, book, setup, clock, accepted, duties } = workshop;
  const { minimumFreeBytes } = options.store;
  const capacity = createCapacity(store, {
    dataDir: options.dataDir,
    minimumFreeBytes,
    ...options.limits,
    now: () => clock.now(),
    stopping,
    admit: (onTheWay) => admissionOf(workshop.shedding.putOff(onTheWay)),
  });
  const newId = createNewId(clock);
  const closings = new Set<Promise<void>>();
  const listeners = await createListeners(workshop, { capacity, newId, closings });
  const mailboxes = await openMailboxes(workshop, { capacity, newId, tellLate });
  const source = ({ definitionId, ...start }: SourceInput): Observable<SourceNews> => {
    const definition = book.get(definitionId);
    const resumed = (news: Parameters<typeof whileResumed>[3]): Observable<SourceNews> =>
      whileResumed(workshop, definitionId, start, news) as Observable<SourceNews>;
    if (definition?.config.transport === 'pop3') return resumed((from) => mailboxes.newsOf(definition, from));
    const taken$ = merge(accepted.of(definitionId), takenElsewhere(workshop, definitionId));
    return merge(taken$ as Observable<SourceNews>, duties.worker === null ? EMPTY : resumed(() => NEVER));
  };
  const line = (definitionId: string): Observable<News> => {
    const troubled = (detail: string | null): void => workshop.troubled(`definition ${definitionId}`, detail);
    const news$ = onAllOrOwn(duties, definitionDuty(definitionId), (whose) =>
      processingNews(definitionId, { store, setup, clock, whose, troubled }),
    );
    const traced$ = workshop.detail.trace(definitionId, news$, store.intake);
    return traced$.pipe(tap(tellCanaries(workshop, definitionId)), takeUntil(stop$));
  };
  const machine = engineMachine.provide({
    actors: {
      store: fromPromise<OpenedStore>(async () => ({ records: await loadRuntimes(workshop) })),
      listener: fromEventObservable<ListenerNews, ListenerInput>(({ input }) => listeners.news(input)),
      closing: fromPromise<void>(async () => {
        // Else what waits for object storage that is away would be waited for until the last deadline.
        workshop.sight?.hurry();
        await mailboxes[Symbol.asyncDispose]();
        await Promise.all(closings);
        await close();
      }),
      journal: journalMachine.provide({
        actors: {
          source: fromEventObservable<SourceNews, SourceInput>(({ input }) => source(input)),
          processing: fromEventObservable<News, ProcessingInput>(({ input }) => line(input.definitionId)),
        },
      }),
    },
  });
  return { machine, mailboxes, listeners, imports: createImportApi(workshop, { capacity, newId }) };
}
