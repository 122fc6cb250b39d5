import type { SchedulerLike } from 'rxjs';
import type { JournalDefinition, ListenerState, RuntimeRecord } from './journal.events.ts';

/** The listeners the engine may open: for journal reports, and for the mail gateway's own copies. */
export const listenerNames = ['smtp', 'gateway'] as const;
export type ListenerName = (typeof listenerNames)[number];

export interface EngineInput {
  readonly definitions: readonly JournalDefinition[];
  /** Which listeners are configured; the others stay `off`. */
  readonly listeners: readonly ListenerName[];
  readonly clock: Pick<SchedulerLike, 'now'>;
}

/** What the `store` slot answers once the store is open: runtime records by definition id. */
export interface OpenedStore {
  readonly records: Readonly<Record<string, RuntimeRecord>>;
}
export interface ListenerInput {
  readonly name: ListenerName;
}

/** What the `listener` slot says; it never errors for an expected reason. After `listener.failed` it should complete. */
export type ListenerNews =
  | { readonly type: 'listener.bound'; readonly at: number; readonly name: ListenerName }
  | {
      readonly type: 'listener.failed';
      readonly at: number;
      readonly name: ListenerName;
      /** `bind`, or `storage` where the store refuses mail. */
      readonly kind: string;
      readonly detail: string;
    };

export type EngineCommand =
  /** The definitions as they now are (SIGHUP, the API). `reconnect`: ids whose secret, host, port or TLS changed. */
  | {
      readonly type: 'definitions.changed';
      readonly at: number;
      readonly definitions: readonly JournalDefinition[];
      /** Listeners that they need now; one that is open stays open. */
      readonly listeners: readonly ListenerName[];
      readonly reconnect: readonly string[];
    }
  /** Cuts the listeners' waits short; a journal's own retry goes to the journal. */
  | { readonly type: 'operator.retry'; readonly at: number }
  | { readonly type: 'engine.stop'; readonly at: number };

/** XState's own words about spawned journals; their ids begin with `journal.`. */
export type JournalEnd =
  | { readonly type: `xstate.done.actor.journal.${string}`; readonly actorId: string; readonly output: RuntimeRecord }
  | { readonly type: `xstate.error.actor.journal.${string}`; readonly actorId: string; readonly error: unknown };

export type EngineEvent =
  | ListenerNews
  | EngineCommand
  | JournalEnd
  | { readonly type: 'journal.restart'; readonly definitionId: string };

/** Where and why the engine could not go on. */
export interface EngineFault {
  readonly part: 'store' | 'closing';
  readonly error: unknown;
}

export interface ListenerFacts {
  readonly state: ListenerState;
  /** Failures in a row: the step of the bind backoff (d.3). */
  readonly failures: number;
}

export interface EngineContext {
  readonly definitions: readonly JournalDefinition[];
  readonly configured: readonly ListenerName[];
  readonly clock: Pick<SchedulerLike, 'now'>;
  readonly records: Readonly<Record<string, RuntimeRecord>>;
  readonly listeners: Readonly<Record<ListenerName, ListenerFacts>>;
  /** Journals told to stop that have not ended yet. */
  readonly stopping: readonly string[];
  /** When the stop is over at the latest, epoch ms; null until the journals are told of one. */
  readonly stopBy: number | null;
  readonly fault: EngineFault | null;
}

export interface EngineOutput {
  /** The records to keep of journals that ended, by definition id. */
  readonly records: Readonly<Record<string, RuntimeRecord>>;
  readonly fault: EngineFault | null;
}

/** Said outward. `journal.spawned` comes before the journal starts, so that its first notes are heard too. */
export type EngineEmitted =
  | { readonly type: 'journal.spawned'; readonly definitionId: string }
  | { readonly type: 'journal.broke'; readonly at: number; readonly definitionId: string; readonly detail: string }
  | { readonly type: 'engine.restored'; readonly at: number; readonly definitions: number }
  | { readonly type: 'engine.stopping'; readonly at: number }
  /** A listener could not be opened or was lost, noted as T8 says. */
  | {
      readonly type: 'listener.error';
      readonly at: number;
      readonly name: ListenerName;
      readonly kind: string;
      readonly detail: string;
      readonly failures: number;
      readonly nextRetryAt: number;
    };
