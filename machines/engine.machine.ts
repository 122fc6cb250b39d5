import type { EngineContext, ListenerName } from './engine.events.ts';
import { engineSetup } from './engine.setup.ts';

const unknown = { state: { state: 'unknown' }, failures: 0 } as const;

/** Opens one listener and keeps it open; while it cannot be bound, tries again after 5, 15, then each 60 s (d.3). */
function listening<const T extends ListenerName>(name: T) {
  const params = { name } as const;
  const isMine = {
    type: 'isFrom',
    params: ({ event }: { readonly event: { readonly name: ListenerName } }) => ({ name, from: event.name }),
  } as const;
  const broke = { target: 'backoff', actions: { type: 'noteUnbound', params: brokenListener(name) } } as const;
  return engineSetup.createStateConfig({
    initial: 'off',
    states: {
      /** Until a definition needs it, which may be the first of its transport. */
      off: { always: { guard: { type: 'isConfigured', params }, target: 'open' } },
      open: {
        invoke: { src: 'listener', id: `listener.${name}`, input: { name }, onError: broke, onDone: broke },
        initial: 'binding',
        on: {
          'listener.failed': {
            guard: isMine,
            target: 'backoff',
            actions: { type: 'noteUnbound', params: ({ event }) => event },
          },
        },
        states: {
          binding: {
            on: {
              'listener.bound': {
                guard: isMine,
                target: 'bound',
                actions: { type: 'noteBound', params: ({ event }) => event },
              },
            },
          },
          bound: {},
        },
      },
      /** Leaving `open` has unsubscribed from the listener, so nothing of it is left when the next try begins. */
      backoff: { after: { [`${name}Rest`]: 'open' }, on: { 'operator.retry': 'open' } },
    },
  });
}

/**
 * Lifecycle of the whole engine: the store first, then one journal actor for each definition and the listeners they
 * share; at the stop sources first, windows second, the store last (house 2.4). It ends by itself: `stopped`, or `failed`
 * where the store does not open. Its output says which, and the runtime records to keep.
 */
export const engineMachine = engineSetup.createMachine({
  id: 'engine',
  context: ({ input }) => ({
    definitions: input.definitions,
    configured: input.listeners,
    clock: input.clock,
    records: {},
    listeners: { smtp: unknown, gateway: unknown },
    stopping: [],
    stopBy: null,
    fault: null,
  }),
  output: ({ context }) => ({ records: context.records, fault: context.fault }),
  initial: 'opening',
  states: {
    /** Nothing is taken in before the store can keep it. */
    opening: {
      invoke: {
        src: 'store',
        id: 'store',
        onDone: { target: 'running', actions: { type: 'keepRecords', params: ({ event }) => event.output } },
        onError: {
          target: 'failed',
          actions: { type: 'keepFault', params: ({ event }) => ({ part: 'store' as const, error: event.error }) },
        },
      },
      on: {
        'engine.stop': 'closing',
        'definitions.changed': { actions: { type: 'keepDefinitions', params: ({ event }) => event } },
      },
    },
    running: {
      type: 'parallel',
      entry: ['startJournals', 'sayRestored'],
      on: {
        'engine.stop': 'draining',
        'definitions.changed': { actions: { type: 'changeJournals', params: ({ event }) => event } },
        'journal.restart': { actions: { type: 'restartJournal', params: ({ event }) => event } },
        'xstate.error.actor.journal.*': { actions: { type: 'noteBroken', params: ({ event }) => event } },
      },
      states: { smtp: listening('smtp'), gateway: listening('gateway') },
    },
    /** Entering it has left `running`, so the listeners are closing; journals end their sources, then their windows. */
    draining: {
      entry: 'stopJournals',
      always: { guard: 'allStopped', target: 'closing' },
      after: { drainGrace: 'closing' },
      on: {
        'xstate.done.actor.journal.*': { actions: { type: 'noteStopped', params: ({ event }) => event } },
        'xstate.error.actor.journal.*': {
          actions: { type: 'noteStopped', params: ({ event }) => ({ actorId: event.actorId, output: null }) },
        },
      },
    },
    /** The last deadline: past it the process ends anyhow, and what was acknowledged is on disk. */
    closing: {
      invoke: {
        src: 'closing',
        id: 'closing',
        onDone: 'stopped',
        onError: {
          target: 'stopped',
          actions: { type: 'keepFault', params: ({ event }) => ({ part: 'closing' as const, error: event.error }) },
        },
      },
      after: {
        closeGrace: {
          target: 'stopped',
          actions: {
            type: 'keepFault',
            params: { part: 'closing' as const, error: new Error('closing took too long') },
          },
        },
      },
    },
    stopped: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** A listener that errors or completes without a word is a bug; it is treated as a lost one. */
function brokenListener(name: ListenerName) {
  return ({ context, event }: { readonly context: EngineContext; readonly event: object }) => ({
    at: context.clock.now(),
    name,
    kind: 'faulted',
    detail: 'error' in event ? String(event.error) : 'it ended by itself',
  });
}
