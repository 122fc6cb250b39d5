import type { SchedulerLike } from 'rxjs';
import type { News } from '../streams/ports.ts';

/** Service Status of journaling a.4, as the interface spells it. */
export const serviceStatuses = ['awaiting-initial-run', 'active', 'suspended', 'down', 'error'] as const;
export type ServiceStatus = (typeof serviceStatuses)[number];

/** The last failure of the connection; `kind` is one of journaling d.5, or `faulted` when our own actor broke. */
export interface ConnectionError {
  readonly at: number;
  readonly kind: string;
  readonly detail: string;
}

/** What outlives a restart (journaling d.4). Plain JSON; the engine keeps one of these for each definition. */
export interface RuntimeRecord {
  /** The status last reported, and since when. */
  readonly status: ServiceStatus;
  readonly since: number;
  readonly firstRunDone: boolean;
  readonly lastSuccessfulExtractAt: number | null;
  readonly lastMessageAt: number | null;
  /** Time listened without an accepted message (d.3): frozen while suspended, stopped or unbound. */
  readonly listenedMs: number;
  /** The event log has heard of the present silence. */
  readonly silenceNoted: boolean;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError: ConnectionError | null;
  readonly nextRetryAt: number | null;
  /** POP3: messages in the mailbox at the last connection. */
  readonly mailboxQueue: number | null;
  readonly mailboxQueueAt: number | null;
}

/** What the chart needs of a journal definition; a definition's options satisfy it by structure. */
export interface JournalDefinition {
  readonly definitionId: string;
  readonly transport: 'smtp' | 'pop3';
  /** [Period of Inactivity Allowed], SMTP only: above 0, at most 7 days. */
  readonly inactivityAllowedMs: number;
  readonly suspended: boolean;
}

/** The shared listener as last heard of. */
export type ListenerState =
  | { readonly state: 'unknown' }
  | { readonly state: 'bound'; readonly at: number }
  | { readonly state: 'failed'; readonly failure: Failed };

export interface JournalInput extends JournalDefinition {
  /** Null for a definition that never ran. */
  readonly record: RuntimeRecord | null;
  /** SMTP: what is known of the listener when the journal starts. */
  readonly listener: ListenerState;
  readonly clock: Pick<SchedulerLike, 'now'>;
}

export interface JournalContext extends RuntimeRecord {
  readonly definitionId: string;
  readonly transport: 'smtp' | 'pop3';
  readonly inactivityAllowedMs: number;
  readonly clock: Pick<SchedulerLike, 'now'>;
  readonly listener: ListenerState;
  /** Up to when `listenedMs` is counted while it runs; null while it is frozen. */
  readonly listeningSinceAt: number | null;
  /** Failures since the last success or retry: the step of the source's backoff. Not kept over a retry. */
  readonly backoffStep: number;
  readonly nextPollAt: number | null;
  /** Crashes of processing in a row; null when it works. */
  readonly processingFault: { readonly at: number; readonly detail: string; readonly count: number } | null;
}

/** What the `source` slot is started with. */
export interface SourceInput {
  readonly definitionId: string;
  /** Not before this time may the first connection be made (POP3); null: at once. */
  readonly notBeforeAt: number | null;
  /** Failures that already count for the wait after the next one. */
  readonly backoffStep: number;
}
/** What the `processing` slot is started with. */
export interface ProcessingInput {
  readonly definitionId: string;
}

/** Another engine ran the definition until now, and this is what it has saved. */
export interface Resumed {
  readonly type: 'source.resumed';
  readonly at: number;
  readonly record: RuntimeRecord;
}

export type SourceNews = Exclude<News, { readonly type: 'processing.settled' }> | Resumed;
export type Failed = Extract<News, { readonly type: 'source.failed' }>;
export type Delayed = Extract<News, { readonly type: 'source.delayed' }>;
export type Extracted = Extract<News, { readonly type: 'source.extracted' }>;

/** Said by the operator or the engine. Changes are already durable when they are said (journaling d.2). */
export type Command =
  | { readonly type: 'operator.suspend'; readonly at: number }
  | { readonly type: 'operator.activate'; readonly at: number }
  /** [RETRY_NOW], T10, and the run that is asked for between two polls (c.8). `actor`: who said it. */
  | { readonly type: 'operator.retry'; readonly at: number; readonly actor?: string }
  /** T11, T12. `reconnect`: a secret, host, port or TLS option changed. Another transport needs a new journal instead. */
  | {
      readonly type: 'definition.changed';
      readonly at: number;
      readonly inactivityAllowedMs: number;
      readonly reconnect: boolean;
    }
  | { readonly type: 'engine.stop'; readonly at: number };

/** Said by one region of the chart to the other. */
export type Whisper =
  | { readonly type: 'session.opened'; readonly at: number }
  | { readonly type: 'session.faulted'; readonly at: number; readonly detail: string }
  | { readonly type: 'clock.checked'; readonly at: number };

/** XState's own word about an actor in a slot, when it comes too late to matter: the state that ran it has been left. */
export interface LateCrash {
  readonly type: 'xstate.error.actor.source' | 'xstate.error.actor.processing';
  readonly actorId: string;
  readonly error: unknown;
}

export type JournalEvent = News | Resumed | Command | Whisper | LateCrash;

/** Lines for the event log, typed as journaling d.2 names them. */
export type JournalNote =
  | { readonly type: 'run.first'; readonly at: number }
  | {
      readonly type: 'connector.down';
      readonly at: number;
      readonly lastMessageAt: number | null;
      readonly inactivityAllowedMs: number;
    }
  /** After `down`, `lastedMs` is the length of the silence; after `error`, the time since the error was first reported. */
  | {
      readonly type: 'connector.recovered';
      readonly at: number;
      readonly from: 'down' | 'error';
      readonly kind: string | null;
      readonly lastedMs: number;
    }
  /** At the first failure, when the kind changes, then at each 12th. `part`: what of ours it concerns. */
  | {
      readonly type: 'connector.error';
      readonly at: number;
      readonly part: 'source' | 'processing';
      readonly kind: string;
      readonly detail: string;
      readonly failures: number;
      readonly nextRetryAt: number | null;
    }
  /** `actor`: the operator who asked for it; absent where a change did. */
  | { readonly type: 'connector.retry'; readonly at: number; readonly actor?: string };

/** What a journal says outward: notes, and `runtime.due` when its runtime record is worth saving (d.3: each minute). */
export type JournalEmitted = JournalNote | { readonly type: 'runtime.due'; readonly at: number };
