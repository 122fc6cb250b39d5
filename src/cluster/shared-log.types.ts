import type { SchedulerLike } from 'rxjs';
import type { LogOptions } from '../store/assemble-store.ts';
import type { Append, LogPosition, LogRecord, RecordDraft } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import type { LogRows } from './log-rows.ts';
import type { LogSeal } from './log-seal.ts';
import type { Postgres } from './postgres.ts';
import type { Vault } from './vault.types.ts';

export interface SharedLogOptions extends LogOptions {
  readonly postgres: Postgres;
  readonly rows: LogRows;
  /** Where bodies lie; null: in the database. */
  readonly vault: Vault | null;
  /** What records are sealed with; null: they are in clear. */
  readonly seal: LogSeal | null;
  /** Unique among those that write. */
  readonly worker: string;
  readonly clock: SchedulerLike;
  /** By what right this worker empties the mailbox of a definition; null: it does not hold it. */
  readonly tokenOf: (definitionId: string) => string | null;
}

/** One decision: it is made while the log is locked, on all that stands in it. */
export interface Turn {
  readonly work: (append: Append) => Promise<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** A draft with what can be done before its place is known. */
export interface Prepared {
  readonly waiting: Waiting;
  readonly draft: RecordDraft;
  /** The first bytes of its payload, which no fold reads; sealed where the log is, and as long. */
  readonly body: readonly Uint8Array[];
  readonly bodyLength: number;
  /** The others, as they go into the row. */
  readonly tail: Buffer;
}

/** What a group came to. */
export interface Written {
  /** The record that the first of these continues. */
  readonly after: LogPosition;
  readonly records: readonly LogRecord[];
  /** In the order of the records. */
  readonly waiting: readonly Waiting[];
}
