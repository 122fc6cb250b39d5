import type { Command, Delayed, Extracted, Failed, JournalContext, Resumed } from './journal.events.ts';
import { faultRestMs } from './journal.setup.ts';

/** How the chart's actions come by their parameters: from the event, and its time from the clock where it has none. */

interface Heard<TEvent> {
  readonly context: JournalContext;
  readonly event: TEvent;
}

/** News and commands bring their time along; timers, crashes and the start do not. */
function timeOf({ context, event }: Heard<object>): { readonly at: number } {
  return { at: 'at' in event && typeof event.at === 'number' ? event.at : context.clock.now() };
}

/** An action that needs no more than the time. */
export function timed<const T extends string>(type: T) {
  return { type, params: timeOf } as const;
}

/** Entry of a health state: the Service Status it reads as, and since when. */
export function reporting<const T extends string>(status: T) {
  return { type: 'report', params: (heard: Heard<object>) => ({ status, ...timeOf(heard) }) } as const;
}

/** T4, T5: a run or a message that succeeded. */
export const extracted = {
  type: 'noteExtract',
  params: ({ event }: { readonly event: Extracted }) => event,
} as const;

/** What the engine that ran it before has saved. */
export const resumed = {
  type: 'takeOver',
  params: ({ event }: { readonly event: Resumed }) => event,
} as const;

/** STAT at the start of a POP3 session (a.4, POP3 Mailbox Queue). */
export const counted = {
  type: 'noteMailbox',
  params: ({ event }: { readonly event: { readonly at: number; readonly count: number } }) => event,
} as const;

/** A session that ended without a verdict on the connection. */
export const delayed = { type: 'noteDelay', params: ({ event }: { readonly event: Delayed }) => event } as const;

/** T8: a failure as the source tells it. */
export const failed = { type: 'noteFailure', params: ({ event }: { readonly event: Failed }) => event } as const;

/** SMTP: what the shared listener said last, for a journal that was not listening then. */
export const unbound = { type: 'noteUnbound', params: ({ event }: { readonly event: Failed }) => event } as const;

/** A crash of our own counts as a failure of kind `faulted`. */
export const crashed = {
  type: 'noteFailure',
  params: ({ event }: { readonly event: { readonly at: number; readonly detail: string } }) => ({
    at: event.at,
    kind: 'faulted',
    detail: event.detail,
    nextRetryAt: event.at + faultRestMs,
  }),
} as const;

/** For `onError` and `onDone`: neither a crash nor an end is expected of an actor in a slot. */
export function broken<const T extends string>(type: T) {
  return {
    type,
    params: (heard: Heard<object>) => ({ ...timeOf(heard), detail: reasonOf(heard.event) }),
  } as const;
}

/** T10: the wait is over by somebody's word. */
export const retried = {
  type: 'noteRetry',
  params: ({ event }: { readonly event: Extract<Command, { type: 'operator.retry' }> }) => event,
} as const;

/** T11, T12: of a changed definition the chart itself needs the period alone. */
export const changed = {
  type: 'changeOptions',
  params: ({ event }: { readonly event: { readonly inactivityAllowedMs: number } }) => event,
} as const;

/** T11: only a changed secret, host, port or TLS option ends a session that works. */
export const asksReconnect = {
  type: 'asksReconnect',
  params: ({ event }: { readonly event: { readonly reconnect: boolean } }) => event,
} as const;

function reasonOf(event: object): string {
  if (!('error' in event)) return 'it ended by itself';
  return event.error instanceof Error ? `${event.error.name}: ${event.error.message}` : String(event.error);
}
