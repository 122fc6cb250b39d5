import { assign, enqueueActions, fromEventObservable, raise, setup } from 'xstate';
import type { News } from '../streams/ports.ts';
import { cleaned } from './hints.ts';
import { checkedPeriod, listenedUntil, listeningTickMs, noFailure, resumedContext } from './journal.context.ts';
import type {
  Delayed,
  Extracted,
  Failed,
  JournalContext,
  JournalEmitted,
  JournalEvent,
  JournalInput,
  ProcessingInput,
  Resumed,
  RuntimeRecord,
  ServiceStatus,
  SourceInput,
  SourceNews,
} from './journal.events.ts';
import { unprovided } from './unprovided.ts';

/** How long our own broken actor rests before it is started again. */
export const faultRestMs = 30_000;
/** How long processing may take to finish its window when the engine stops; its items are on disk either way. */
export const stopGraceMs = 15_000;
/** The event log hears of a lasting error at each 12th failure (T8). */
const noteEvery = 12;

type At = { readonly at: number };
type Broke = At & { readonly detail: string };

/**
 * Words of the journal chart. Two actor slots are the engine's to fill with `.provide({ actors })`:
 * `source`, the news of the connection: subscribed to while the definition is enabled, so that leaving it is what ends
 * the POP3 session or has RCPT answered 450; and `processing`, which drains the spool, suspended or not.
 * Neither may complete by itself, but `processing` should at the end of its window once the engine stops.
 */
export const journalSetup = setup({
  types: {} as {
    input: JournalInput;
    context: JournalContext;
    events: JournalEvent;
    emitted: JournalEmitted;
    output: RuntimeRecord;
  },
  actors: {
    source: fromEventObservable<SourceNews, SourceInput>(unprovided('source')),
    processing: fromEventObservable<News, ProcessingInput>(unprovided('processing')),
  },
  guards: {
    isPop3: ({ context }) => context.transport === 'pop3',
    startsSuspended: ({ context }) => context.status === 'suspended',
    failing: ({ context }) => context.failures > 0,
    firstRunDone: ({ context }) => context.firstRunDone,
    /** T6: the listening time since the last accepted message has reached the period. */
    silent: ({ context }) => context.transport === 'smtp' && context.listenedMs >= context.inactivityAllowedMs,
    listenerBound: ({ context }) => context.listener.state === 'bound',
    listenerFailed: ({ context }) => context.listener.state === 'failed',
    /** A message over an open session proves that it works. */
    sessionOpen: ({ context }) => context.transport === 'pop3' || context.listeningSinceAt !== null,
    listening: ({ context }) => context.listeningSinceAt !== null,
    /** A crash of ours is healed by a message or a minute of listening, not by the new start: else a loop heals itself. */
    crashed: ({ context }) => context.lastError?.kind === 'faulted',
    /** Between two polls: a session under way is run enough. */
    resting: ({ context }) => context.nextPollAt !== null && context.nextPollAt > context.clock.now(),
    asksReconnect: (_, { reconnect }: { reconnect: boolean }) => reconnect,
    processingFaulted: ({ context }) => context.processingFault !== null,
  },
  actions: {
    /** Keeps `since` where the status was the same before, as after a restart or at a second failure. */
    report: enqueueActions(({ context, enqueue }, { status, at }: At & { readonly status: ServiceStatus }) => {
      if (context.status === status) return;
      enqueue.assign({ status, since: at });
      enqueue.emit({ type: 'runtime.due', at });
    }),
    /** News may come late and out of order: times never go back. Any message restarts the inactivity clock (a.2). */
    noteExtract: enqueueActions(({ context, enqueue }, { at, count, nextPollAt }: Extracted) => {
      if (!context.firstRunDone) enqueue.emit({ type: 'run.first', at });
      enqueue.assign({
        firstRunDone: true,
        lastSuccessfulExtractAt: latest(context.lastSuccessfulExtractAt, at),
        lastMessageAt: count > 0 ? latest(context.lastMessageAt, at) : context.lastMessageAt,
        listenedMs: 0,
        silenceNoted: false,
        listeningSinceAt: context.listeningSinceAt === null ? null : at,
        nextPollAt: nextPollAt ?? null,
      });
      // What a session says of its mailbox stands nowhere else; of SMTP the log has every message.
      if (context.transport === 'pop3') enqueue.emit({ type: 'runtime.due', at });
    }),
    takeOver: assign(({ context }, { at, record }: Resumed) => resumedContext(context, record, at)),
    noteMailbox: assign((_, { at, count }: At & { readonly count: number }) => ({
      mailboxQueue: count,
      mailboxQueueAt: at,
    })),
    /** What is under way has no time to come any more. */
    noteBegin: assign({ nextRetryAt: null, nextPollAt: null }),
    /** An error stands, and what comes next is another try. */
    noteDelay: assign(({ context }, { nextPollAt }: Delayed) =>
      context.failures > 0 ? { nextRetryAt: nextPollAt, nextPollAt: null } : { nextRetryAt: null, nextPollAt },
    ),
    noteFailure: enqueueActions(({ context, enqueue }, failure: FailureFacts) => {
      const { at, kind } = failure;
      const nextRetryAt = failure.nextRetryAt ?? null;
      const failures = context.failures + 1;
      const worthNoting = failures === 1 || kind !== context.lastError?.kind || failures % noteEvery === 0;
      const detail = cleaned(failure.detail);
      enqueue.assign({
        failures,
        backoffStep: context.backoffStep + 1,
        lastError: { at, kind, detail },
        nextRetryAt,
        nextPollAt: null,
      });
      if (worthNoting) {
        enqueue.emit({ type: 'connector.error', at, part: 'source', kind, detail, failures, nextRetryAt });
      }
      enqueue.emit({ type: 'runtime.due', at });
    }),
    noteRecovery: enqueueActions(({ context, enqueue }, { at }: At) => {
      const down = context.status === 'down';
      const kind = down ? 'inactivity' : (context.lastError?.kind ?? null);
      const silentSinceAt = context.lastMessageAt ?? at - listenedUntil(context, at);
      const lastedMs = Math.max(0, at - (down ? silentSinceAt : context.since));
      enqueue.assign(noFailure);
      enqueue.emit({ type: 'connector.recovered', at, from: down ? 'down' : 'error', kind, lastedMs });
    }),
    /** Once for each silence, though a lost listener may have the chart come to `down` again (T9). */
    noteSilence: enqueueActions(({ context, enqueue }, { at }: At) => {
      const { lastMessageAt, inactivityAllowedMs } = context;
      if (context.silenceNoted) return;
      enqueue.assign({ silenceNoted: true });
      enqueue.emit({ type: 'connector.down', at, lastMessageAt, inactivityAllowedMs });
    }),
    /** T10. The failures still count for the event log; only the wait begins anew. */
    noteRetry: enqueueActions(({ enqueue }, { at, actor }: At & { readonly actor?: string }) => {
      enqueue.assign({ nextRetryAt: null, nextPollAt: null, backoffStep: 0 });
      enqueue.emit({ type: 'connector.retry', at, ...(actor === undefined ? {} : { actor }) });
    }),
    noteRuntime: enqueueActions(({ enqueue }, { at }: At) => enqueue.emit({ type: 'runtime.due', at })),
    forgetFailure: assign({ ...noFailure, nextPollAt: null }),
    noteBound: assign((_, { at }: At) => ({ listener: { state: 'bound' as const, at } })),
    noteUnbound: assign((_, failure: Failed) => ({ listener: { state: 'failed' as const, failure } })),
    /** Waits for the listener's next news instead of taking the old for an answer. */
    forgetListener: assign({ listener: { state: 'unknown' as const } }),
    /** The listener failed while nobody listened to its news: say it now. */
    reportUnbound: enqueueActions(({ context, enqueue }) => {
      if (context.failures === 0 && context.listener.state === 'failed') enqueue.raise(context.listener.failure);
    }),
    countListening: assign(({ context }, { at }: At) => ({
      listenedMs: listenedUntil(context, at),
      listeningSinceAt: context.listeningSinceAt === null ? null : at,
    })),
    startListening: assign((_, { at }: At) => ({ listeningSinceAt: at })),
    stopListening: assign(({ context }, { at }: At) => ({
      listenedMs: listenedUntil(context, at),
      listeningSinceAt: null,
    })),
    changeOptions: assign(({ context }, { inactivityAllowedMs }: { readonly inactivityAllowedMs: number }) => ({
      inactivityAllowedMs: checkedPeriod(inactivityAllowedMs),
      silenceNoted: context.silenceNoted && context.listenedMs >= inactivityAllowedMs,
    })),
    // What one region tells the other; both live in this chart, so it is raised and not sent.
    sayOpened: raise((_, { at }: At) => ({ type: 'session.opened' as const, at })),
    sayFaulted: raise((_, { at, detail }: Broke) => ({ type: 'session.faulted' as const, at, detail })),
    checkClock: raise((_, { at }: At) => ({ type: 'clock.checked' as const, at })),
    /** Counted apart from the connection's failures, until something is settled again. */
    noteProcessingFault: enqueueActions(({ context, enqueue }, { at, detail }: Broke) => {
      const failures = (context.processingFault?.count ?? 0) + 1;
      const said = cleaned(detail);
      enqueue.assign({ processingFault: { at, detail: said, count: failures } });
      if (failures !== 1 && failures % noteEvery !== 0) return;
      const nextRetryAt = at + faultRestMs;
      const kind = 'faulted';
      enqueue.emit({ type: 'connector.error', at, part: 'processing', kind, detail: said, failures, nextRetryAt });
    }),
    forgetProcessingFault: assign({ processingFault: null }),
  },
  delays: {
    /**
     * To the end of the period, a minute at most: so the time listened is saved each minute, and no timer is long. Past its
     * end no longer than one period: a message may begin the next silence at any time.
     */
    listeningTick: ({ context: { inactivityAllowedMs, listenedMs } }) => {
      const leftMs = inactivityAllowedMs - listenedMs;
      return Math.min(listeningTickMs, leftMs > 0 ? leftMs : inactivityAllowedMs);
    },
    faultRest: faultRestMs,
    stopGrace: stopGraceMs,
  },
});

interface FailureFacts extends At {
  readonly kind: string;
  readonly detail: string;
  readonly nextRetryAt?: number;
}

function latest(before: number | null, at: number): number {
  return before === null ? at : Math.max(before, at);
}
