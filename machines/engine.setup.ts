import { lastValueFrom } from 'rxjs';
import { type ActorRefFrom, assign, enqueueActions, fromEventObservable, fromPromise, setup } from 'xstate';
import type {
  EngineContext,
  EngineEmitted,
  EngineEvent,
  EngineFault,
  EngineInput,
  EngineOutput,
  ListenerInput,
  ListenerName,
  ListenerNews,
  OpenedStore,
} from './engine.events.ts';
import { cleaned } from './hints.ts';
import { runtimeOf } from './journal.context.ts';
import type { JournalDefinition, JournalInput, RuntimeRecord } from './journal.events.ts';
import { journalMachine } from './journal.machine.ts';
import { faultRestMs } from './journal.setup.ts';
import { unprovided } from './unprovided.ts';

/** Waits after the first, second and each later failure to bind (d.3). */
export const bindRestsMs = [5_000, 15_000, 60_000] as const;
/** Journals have 15 s for their windows. */
export const drainGraceMs = 18_000;
/** The whole stop, inside the 30 s of the interface: closing has what the journals left, for a client in DATA has 10 s. */
export const stopWithinMs = 26_000;
const closeLeastMs = 8_000;

type At = { readonly at: number };
type Named = { readonly name: ListenerName };
type ListenerTrouble = At & Named & { readonly kind: string; readonly detail: string };

/** The name of a journal's actor among the engine's children. */
export const journalActorId = (definitionId: string): string => `journal.${definitionId}`;
const definitionIdOf = (actorId: string): string => actorId.slice('journal.'.length);

/**
 * Words of the engine chart. The engine provides four slots: `store` opens the store and answers the runtime records;
 * `listener` opens the one named by its input, says `listener.bound` and stays, or says `listener.failed` and completes,
 * and closes when unsubscribed from; `journal` is `journalMachine.provide(…)`; `closing` waits until listeners, ingest
 * and HTTP are closed, then closes the store (also one that was still opening when the stop came).
 */
export const engineSetup = setup({
  types: {} as {
    input: EngineInput;
    context: EngineContext;
    events: EngineEvent;
    emitted: EngineEmitted;
    output: EngineOutput;
  },
  actors: {
    store: fromPromise<OpenedStore>(() => lastValueFrom(unprovided('store')())),
    closing: fromPromise<void>(() => lastValueFrom(unprovided('closing')())),
    listener: fromEventObservable<ListenerNews, ListenerInput>(unprovided('listener')),
    journal: journalMachine,
  },
  guards: {
    isConfigured: ({ context }, { name }: Named) => context.configured.includes(name),
    /** Both regions hear the news of both listeners. */
    isFrom: (_, { name, from }: Named & { readonly from: ListenerName }) => name === from,
    allStopped: ({ context }) => context.stopping.length === 0,
  },
  actions: {
    keepRecords: assign((_, { records }: OpenedStore) => ({ records })),
    keepDefinitions: assign(({ context }, change: DefinitionsChange) => definitionsAfter(context, change)),
    keepFault: assign((_, fault: EngineFault) => ({ fault })),
    sayRestored: enqueueActions(({ context, enqueue }) =>
      enqueue.emit({ type: 'engine.restored', at: context.clock.now(), definitions: context.definitions.length }),
    ),
    /** `journal.spawned` is emitted before the spawn, so that it is heard before the journal starts. */
    startJournals: enqueueActions(({ context, enqueue }) => {
      for (const definition of context.definitions) {
        enqueue.emit({ type: 'journal.spawned', definitionId: definition.definitionId });
        enqueue.spawnChild('journal', {
          id: journalActorId(definition.definitionId),
          input: journalInput(context, definition, context.records[definition.definitionId] ?? null),
        });
      }
    }),
    /**
     * SIGHUP and the API (T11-T14): journals of removed definitions are stopped, their mail in custody is on disk. Another
     * transport is another journal, that awaits its initial run. `suspended` is the operator's, said to the journal itself.
     */
    changeJournals: enqueueActions(({ context, enqueue }, change: DefinitionsChange) => {
      const before = new Map(context.definitions.map((known) => [known.definitionId, known]));
      const after = new Set(change.definitions.map((definition) => definition.definitionId));
      enqueue.assign(definitionsAfter(context, change));
      for (const id of before.keys()) if (!after.has(id)) enqueue.stopChild(journalActorId(id));
      for (const definition of change.definitions) {
        const id = definition.definitionId;
        const known = before.get(id);
        if (known?.transport === definition.transport) {
          const reconnect = change.reconnect.includes(id);
          const { inactivityAllowedMs } = definition;
          if (!reconnect && known.inactivityAllowedMs === inactivityAllowedMs) continue;
          const event = { type: 'definition.changed', at: change.at, inactivityAllowedMs, reconnect } as const;
          enqueue.sendTo(journalActorId(id), event);
          continue;
        }
        if (known !== undefined) enqueue.stopChild(journalActorId(id));
        enqueue.emit({ type: 'journal.spawned', definitionId: id });
        enqueue.spawnChild('journal', { id: journalActorId(id), input: journalInput(context, definition, null) });
      }
    }),
    noteBroken: enqueueActions(({ context, enqueue }, { actorId, error }: Broken) => {
      const definitionId = definitionIdOf(actorId);
      enqueue.emit({ type: 'journal.broke', at: context.clock.now(), definitionId, detail: cleaned(String(error)) });
      enqueue.raise({ type: 'journal.restart', definitionId }, { delay: faultRestMs, id: `restart.${definitionId}` });
    }),
    /** Starts a journal whose chart broke anew, with what it last knew; not one that was removed or replaced since. */
    restartJournal: enqueueActions(
      ({ context, enqueue, self }, { definitionId }: { readonly definitionId: string }) => {
        const definition = context.definitions.find((known) => known.definitionId === definitionId);
        const broken = childrenOf(self)[journalActorId(definitionId)]?.getSnapshot();
        if (definition === undefined || broken?.status !== 'error') return;
        const record = runtimeOf(broken.context, broken.context.clock.now());
        enqueue.stopChild(journalActorId(definitionId));
        enqueue.emit({ type: 'journal.spawned', definitionId });
        enqueue.spawnChild('journal', {
          id: journalActorId(definitionId),
          input: journalInput(context, { ...definition, suspended: record.status === 'suspended' }, record),
        });
      },
    ),
    noteBound: enqueueActions(({ context, enqueue }, { at, name }: At & Named) => {
      const bound = { state: { state: 'bound', at }, failures: 0 } as const;
      enqueue.assign({ listeners: { ...context.listeners, [name]: bound } });
      for (const id of journalsOn(context, name)) enqueue.sendTo(id, { type: 'source.bound', at });
    }),
    /** The wait before the next try is told along, so that each journal can show it. */
    noteUnbound: enqueueActions(({ context, enqueue }, { at, name, kind, detail }: ListenerTrouble) => {
      const failures = context.listeners[name].failures + 1;
      const nextRetryAt = at + bindRestMs(failures);
      const failure = { type: 'source.failed', at, kind, detail, nextRetryAt } as const;
      enqueue.assign({
        listeners: { ...context.listeners, [name]: { state: { state: 'failed', failure }, failures } },
      });
      if (failures === 1 || failures % 12 === 0) {
        enqueue.emit({ type: 'listener.error', at, name, kind, detail: cleaned(detail), failures, nextRetryAt });
      }
      for (const id of journalsOn(context, name)) enqueue.sendTo(id, failure);
    }),
    /** One whose chart broke has ended already. */
    stopJournals: enqueueActions(({ context, enqueue, self }) => {
      const at = context.clock.now();
      const journals = childrenOf(self);
      const ids = context.definitions
        .map((definition) => definition.definitionId)
        .filter((id) => journals[journalActorId(id)]?.getSnapshot().status === 'active');
      enqueue.assign({ stopping: ids, stopBy: at + stopWithinMs });
      enqueue.emit({ type: 'engine.stopping', at });
      for (const id of ids) enqueue.sendTo(journalActorId(id), { type: 'engine.stop', at });
    }),
    noteStopped: assign(({ context }, { actorId, output }: Stopped) => {
      const definitionId = definitionIdOf(actorId);
      return {
        stopping: context.stopping.filter((id) => id !== definitionId),
        records: output === null ? context.records : { ...context.records, [definitionId]: output },
      };
    }),
  },
  delays: {
    smtpRest: ({ context }) => bindRestMs(context.listeners.smtp.failures),
    gatewayRest: ({ context }) => bindRestMs(context.listeners.gateway.failures),
    drainGrace: drainGraceMs,
    closeGrace: ({ context: { stopBy, clock } }) =>
      stopBy === null ? stopWithinMs : Math.max(stopBy - clock.now(), closeLeastMs),
  },
});

interface DefinitionsChange extends At {
  readonly definitions: readonly JournalDefinition[];
  readonly listeners: readonly ListenerName[];
  readonly reconnect: readonly string[];
}
interface Broken {
  readonly actorId: string;
  readonly error: unknown;
}
interface Stopped {
  readonly actorId: string;
  /** Null for one whose chart broke before it could say. */
  readonly output: RuntimeRecord | null;
}

/** XState types the children by id, and these ids are made as it runs. */
function childrenOf(self: { getSnapshot(): unknown }): Record<string, ActorRefFrom<typeof journalMachine> | undefined> {
  return (self.getSnapshot() as { readonly children: Record<string, ActorRefFrom<typeof journalMachine>> }).children;
}

/** A listener that was asked for once stays: closing it would cost its connections. */
function definitionsAfter({ configured }: EngineContext, { definitions, listeners }: DefinitionsChange) {
  return { definitions, configured: [...new Set([...configured, ...listeners])] };
}

function bindRestMs(failures: number): number {
  return bindRestsMs[Math.min(Math.max(failures, 1), bindRestsMs.length) - 1] ?? bindRestsMs[2];
}

function journalInput(
  context: EngineContext,
  definition: JournalDefinition,
  record: RuntimeRecord | null,
): JournalInput {
  return { ...definition, record, listener: context.listeners.smtp.state, clock: context.clock };
}

/** Actor ids of the journals that share a listener; the gateway's belongs to none. */
function journalsOn(context: EngineContext, name: ListenerName): readonly string[] {
  if (name === 'gateway') return [];
  return context.definitions.filter(({ transport }) => transport === 'smtp').map((d) => journalActorId(d.definitionId));
}
