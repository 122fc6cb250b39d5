import { not, stateIn } from 'xstate';
import { contextOf, runtimeOf } from './journal.context.ts';
import type { JournalContext } from './journal.events.ts';
import {
  asksReconnect,
  broken,
  changed,
  counted,
  crashed,
  delayed,
  extracted,
  failed,
  reporting,
  resumed,
  retried,
  timed,
  unbound,
} from './journal.params.ts';
import { journalSetup } from './journal.setup.ts';

/** What is reported (d.1). `deriving` is passed through at once: at the start, at a change, after an error of SMTP. */
const health = journalSetup.createStateConfig({
  initial: 'deriving',
  on: {
    'source.failed': { target: '.error', actions: failed },
    'session.faulted': { target: '.error', actions: crashed },
    'source.resumed': { target: '.deriving', actions: resumed },
    'definition.changed': { actions: [changed, timed('countListening'), timed('checkClock')] },
  },
  states: {
    deriving: {
      always: [
        { guard: 'failing', target: 'error' },
        { guard: 'silent', target: 'down', actions: timed('noteSilence') },
        { guard: 'firstRunDone', target: 'active' },
        { target: 'awaitingInitialRun' },
      ],
    },
    awaitingInitialRun: {
      entry: reporting('awaiting-initial-run'),
      on: {
        'source.extracted': { target: 'active', actions: extracted },
        'clock.checked': { guard: 'silent', target: 'down', actions: timed('noteSilence') },
      },
    },
    active: {
      entry: reporting('active'),
      on: {
        'source.extracted': { actions: extracted },
        'clock.checked': { guard: 'silent', target: 'down', actions: timed('noteSilence') },
      },
    },
    /** A report, not a stop: the listener keeps accepting, and the next message heals it (d.2). */
    down: {
      entry: reporting('down'),
      on: {
        'source.extracted': { target: 'active', actions: [timed('noteRecovery'), extracted] },
        'clock.checked': { guard: not('silent'), target: 'deriving' },
      },
    },
    /** The poller or the listener goes on trying. A message from a lost listener's last transaction heals nothing. */
    error: {
      entry: reporting('error'),
      on: {
        'source.extracted': [
          { guard: 'sessionOpen', target: 'active', actions: [timed('noteRecovery'), extracted] },
          { actions: extracted },
        ],
        'session.opened': { guard: not('crashed'), target: 'deriving', actions: timed('noteRecovery') },
        'clock.checked': { guard: 'listening', target: 'deriving', actions: timed('noteRecovery') },
      },
    },
  },
});

const source = {
  src: 'source',
  id: 'source',
  input: ({ context }: { readonly context: JournalContext }) => ({
    definitionId: context.definitionId,
    notBeforeAt: context.nextRetryAt,
    backoffStep: context.backoffStep,
  }),
  onError: { target: 'faulted', actions: broken('sayFaulted') },
  onDone: { target: 'faulted', actions: broken('sayFaulted') },
} as const;

/** While an error of POP3 stands, any word of success ends it, and a wish or a change has it tried anew at once (T10). */
const again = {
  'source.extracted': 'polling',
  'operator.retry': { target: '#pop3', reenter: true, actions: retried },
  'definition.changed': { target: '#pop3', reenter: true, actions: timed('noteRetry') },
} as const;

/** What the transport does. The SMTP listener is shared, so its news come from the engine; POP3 polls by itself. */
const session = journalSetup.createStateConfig({
  initial: 'choosing',
  on: { 'source.bound': { actions: timed('noteBound') }, 'source.failed': { actions: unbound } },
  states: {
    choosing: { always: [{ guard: 'isPop3', target: 'pop3' }, { target: 'smtp' }] },
    smtp: {
      invoke: source,
      initial: 'binding',
      states: {
        binding: {
          always: [
            { guard: 'listenerBound', target: 'listening' },
            { guard: 'listenerFailed', target: 'bindBackoff' },
          ],
        },
        listening: {
          entry: [timed('startListening'), timed('sayOpened')],
          exit: timed('stopListening'),
          always: { guard: 'listenerFailed', target: 'bindBackoff' },
          after: {
            listeningTick: {
              target: 'listening',
              reenter: true,
              actions: [timed('checkClock'), timed('noteRuntime')],
            },
          },
          on: { 'definition.changed': { target: 'listening', reenter: true } },
        },
        /** The engine's listener waits and tries again; this only follows its news. */
        bindBackoff: {
          entry: 'reportUnbound',
          always: { guard: 'listenerBound', target: 'listening' },
          on: {
            'operator.retry': { target: 'binding', actions: ['forgetListener', retried] },
            'definition.changed': { target: 'binding', actions: ['forgetListener', timed('noteRetry')] },
          },
        },
      },
    },
    /** The source itself polls, waits and tries again; re-entering starts it anew. */
    pop3: {
      id: 'pop3',
      invoke: source,
      initial: 'resuming',
      on: { 'source.resumed': '.resuming' },
      states: {
        resuming: { always: [{ guard: 'failing', target: 'backoff' }, { target: 'polling' }] },
        polling: {
          on: {
            'source.began': { actions: 'noteBegin' },
            'source.delayed': { actions: delayed },
            'source.failed': 'backoff',
            'definition.changed': { guard: asksReconnect, target: '#pop3', reenter: true },
            'operator.retry': { guard: 'resting', target: '#pop3', reenter: true, actions: retried },
          },
        },
        backoff: {
          on: { ...again, 'source.began': { target: 'retrying', actions: 'noteBegin' } },
        },
        /** A session after a failure: who asks for another one now does not mean this one. */
        retrying: {
          on: { ...again, 'source.failed': 'backoff', 'source.delayed': { target: 'backoff', actions: delayed } },
        },
      },
    },
    /** Our own actor broke: a bug, shown as `error` and tried again after a rest. */
    faulted: {
      after: { faultRest: 'choosing' },
      on: {
        'operator.retry': { target: 'choosing', actions: retried },
        'definition.changed': { target: 'choosing', actions: timed('noteRetry') },
      },
    },
  },
});

/** Mail in custody keeps flowing to its outcome, whatever the connection does (a.2, Disabled). */
const processing = journalSetup.createStateConfig({
  initial: 'draining',
  states: {
    draining: {
      invoke: {
        src: 'processing',
        id: 'processing',
        input: ({ context }) => ({ definitionId: context.definitionId }),
        onError: { target: 'faulted', actions: broken('noteProcessingFault') },
        onDone: [
          { guard: stateIn('#finishing'), target: 'stopped' },
          { target: 'faulted', actions: broken('noteProcessingFault') },
        ],
      },
      on: { 'processing.settled': { guard: 'processingFaulted', actions: 'forgetProcessingFault' } },
      initial: 'open',
      states: {
        open: { on: { 'engine.stop': 'finishing' } },
        /** The engine completes `processing` at the end of its window. */
        finishing: { id: 'finishing', after: { stopGrace: '#processingStopped' } },
      },
    },
    faulted: { after: { faultRest: 'draining' }, on: { 'engine.stop': 'stopped' } },
    stopped: { id: 'processingStopped', type: 'final' },
  },
});

/**
 * Lifecycle of one journal definition (journaling d.1). Mail never passes through it, only news about mail.
 * Nothing is restored: started with its runtime record it derives where it stands (d.4, T17). Its output, after
 * `engine.stop`, is the runtime record to keep.
 */
export const journalMachine = journalSetup.createMachine({
  id: 'journal',
  context: ({ input }) => contextOf(input),
  output: ({ context }) => runtimeOf(context, context.clock.now()),
  type: 'parallel',
  /** Unheard, the late crash of an actor that has been left would break the chart. */
  on: { 'xstate.error.actor.*': {} },
  states: {
    connection: {
      initial: 'starting',
      on: { 'engine.stop': '.stopped', 'source.counted': { actions: counted } },
      states: {
        starting: { always: [{ guard: 'startsSuspended', target: 'suspended' }, { target: 'enabled' }] },
        /** What the transport still had in hand when it was suspended may end here (d.4). */
        suspended: {
          entry: reporting('suspended'),
          on: {
            'operator.activate': 'enabled',
            'definition.changed': { actions: changed },
            'source.extracted': { actions: extracted },
            'source.bound': { actions: timed('noteBound') },
            'source.failed': { actions: unbound },
          },
        },
        enabled: {
          type: 'parallel',
          on: { 'operator.suspend': { target: 'suspended', actions: 'forgetFailure' } },
          states: { health, session },
        },
        stopped: { type: 'final' },
      },
    },
    processing,
  },
});
