import { Observable } from 'rxjs';
import type { ActorRefFrom } from 'xstate';
import type { News } from '../streams/ports.ts';
import type { engineMachine } from './engine.machine.ts';
import { journalActorId } from './engine.setup.ts';
import type { JournalEmitted } from './journal.events.ts';
import type { journalMachine } from './journal.machine.ts';

export type EngineActor = ActorRefFrom<typeof engineMachine>;
export type JournalActor = ActorRefFrom<typeof journalMachine>;

export interface SpawnedJournal {
  readonly definitionId: string;
  readonly actor: JournalActor;
}

/**
 * Every journal actor, each before it starts, so that a subscriber that follows it at once misses none of its notes.
 * The same definition comes again when its journal is replaced. Hot; subscribe before the engine actor starts.
 * Completes when the engine actor ends.
 */
export function spawnedJournals(engine: EngineActor): Observable<SpawnedJournal> {
  return new Observable((subscriber) => {
    const spawned = engine.on('journal.spawned', ({ definitionId }) => {
      const actor = journalOf(engine, definitionId);
      if (actor === undefined) throw new Error(`the journal ${definitionId} was announced but not spawned`);
      subscriber.next({ definitionId, actor });
    });
    const end = engine.subscribe({ complete: () => subscriber.complete(), error: (e) => subscriber.error(e) });
    return () => {
      spawned.unsubscribe();
      end.unsubscribe();
    };
  });
}

/** What one journal says outward, in order. Completes when it ends; a chart that broke is the engine's to report. */
export function emittedBy(actor: JournalActor): Observable<JournalEmitted> {
  return new Observable((subscriber) => {
    const said = actor.on('*', (emitted) => subscriber.next(emitted));
    const end = actor.subscribe({ complete: () => subscriber.complete(), error: () => subscriber.complete() });
    return () => {
      said.unsubscribe();
      end.unsubscribe();
    };
  });
}

/** The journal actor of a definition, for commands and for `statusOf(actor.getSnapshot())`. */
export function journalOf(engine: EngineActor, definitionId: string): JournalActor | undefined {
  const children: Readonly<Record<string, unknown>> = engine.getSnapshot().children;
  return children[journalActorId(definitionId)] as JournalActor | undefined;
}

/** Tells a journal what did not come by its source. One that has ended, or is no more, hears nothing. */
export function tellJournal(engine: EngineActor, definitionId: string, news: News): void {
  const journal = journalOf(engine, definitionId);
  if (journal?.getSnapshot().status === 'active') journal.send(news);
}
