import type { DeleteRule, Hold } from '../../streams/keeping.ts';
import type { Received, SpoolItem, Step, Verdict } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { FactsWithParticulars } from './particulars.ts';
import type { RecordHead } from './record.ts';

/** Record kinds of the commit log (store section 2). `chunk` is a part of a streamed message that a later `intake` names. */
export const recordKinds = ['intake', 'chunk', 'outcome', 'command', 'event', 'checkpoint'] as const;
export type RecordKind = (typeof recordKinds)[number];

/** A record as read back: header and facts; its payload is read apart. */
export interface LogRecord {
  readonly kind: RecordKind;
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  /** Epoch milliseconds of the append. */
  readonly at: number;
  /** JSON facts; the shape follows from the kind. */
  readonly facts: unknown;
  readonly payloadLength: number;
  /** Lower-case hex SHA-256 of the payload. */
  readonly payloadSha256: string;
  /** Lower-case hex hash of this record's header, which covers facts, payload hash and the record before it. */
  readonly hash: string;
  /** What it tells of the mail (particulars.ts); null where that was deleted, absent where it has none or it is damaged. */
  readonly particulars?: unknown;
}

/** Where the log ends, or where a reader of it stands. */
export interface LogPosition {
  readonly seq: number;
  readonly hash: string;
}

export interface RecordDraft {
  readonly kind: RecordKind;
  readonly facts: unknown;
  /** Pieces of the payload, written as they are (no copy). */
  readonly payload: readonly Uint8Array[];
  /** The payload's SHA-256 (32 bytes) where the caller has it already. */
  readonly payloadSha256?: Uint8Array;
  /** The particulars that the last piece of the payload holds, for the fold. */
  readonly particulars?: unknown;
}

/** Records that were handed over and are not durable and folded yet. */
export interface WaitingRecords {
  readonly count: number;
  /** When the oldest of them was handed over, epoch ms; null where none waits. */
  readonly since: number | null;
  /** The same of those that wait for the place of their bodies to answer; absent where none does. */
  readonly bodySince?: number;
}

export type Append = (draft: RecordDraft) => Promise<LogRecord>;

/**
 * The truth: append-only, hash-chained, group-committed. Whatever waits when the last sync returns goes out in one
 * write and one sync; there is no timer.
 */
export interface CommitLog extends AsyncDisposable {
  readonly head: LogPosition;
  readonly waiting: WaitingRecords;
  /**
   * Resolves once the record is durable and folded. Order of calls is order of records, but that mail may come behind what was
   * called after it: where its bytes lie elsewhere they are stored first.
   * @throws EngineFailure `store-failed` after an I/O error: nothing more is promised on that file; `store-full`
   */
  append(draft: RecordDraft): Promise<LogRecord>;
  /**
   * Looks at the index and writes what follows from it, while nothing else is decided: entries are made, joined and deleted,
   * and holds placed and lifted, under this alone (D-017). `append` writes the one record that the look comes to; of a
   * second one in the same call nobody says what it was decided on.
   */
  deciding<T>(work: (append: Append) => Promise<T>): Promise<T>;
  /** Resolves once the record is written, not synced: for chunks, which count only with their intake record. */
  appendChunk(payload: readonly Uint8Array[]): Promise<LogRecord>;
  /** Bytes of a payload; in `into`, of that length, where it is given and can be read into. @throws EngineFailure `missing` */
  slice(seq: number, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** There are keys to destroy. */
  readonly isEncrypted: boolean;
  /**
   * Makes these payloads unreadable at once, where the log is encrypted: their keys are destroyed, and space is given back
   * by `drop`. Heads, facts and proofs stay. Nothing where it is not. @throws EngineFailure `store-failed`
   */
  destroy(seqs: Iterable<number>): Promise<void>;
  /**
   * Gives back the space of these payloads for good, their keys destroyed before; what holds them is sealed first. Mail goes on meanwhile. Answers the
   * bytes given back. @throws EngineFailure `store-failed`, `store-full`
   */
  drop(seqs: ReadonlySet<number>): Promise<number>;
  /** The head of one durable record, verified. @throws EngineFailure `missing`, `damaged` */
  record(seq: number): Promise<RecordHead>;
  /** Records after `seq` in order, each verified against its hash and the one before. */
  records(afterSeq: number): AsyncIterable<LogRecord>;
  /** Seals the open segment and makes all durable. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** As much of it as takes mail in. */
export type AppendingLog = Pick<CommitLog, 'append' | 'appendChunk' | 'slice'>;

/**
 * Facts of an `intake` record. Its body is the payloads of `chunks` in order, then its own payload but for the
 * particulars at its end: sender and recipients of the transport, which are empty here.
 */
export interface IntakeFacts extends Received, FactsWithParticulars {
  readonly size: number;
  readonly sha256: string;
  /** Sequence number and length of each chunk record. */
  readonly chunks: readonly (readonly [seq: number, length: number])[];
}

/** What a transport was told of sender and recipients. */
export type EnvelopeTold = Pick<Received['transport'], 'mailFrom' | 'rcptTo'>;
/** One end of an item. A record keeps it in two parts (outcome-record.ts). */
export interface OutcomeFact {
  readonly intakeId: string;
  readonly matchKey: string | null;
  readonly verdict: Extract<Verdict, { kind: 'insert' | 'merge' | 'end' }>;
  readonly attempt: number;
  readonly deadline: number | null;
  readonly flags: readonly string[];
  /** Counted as absorbed: level L2 or L4 of an `eej` definition. */
  readonly absorbed: boolean;
  readonly steps: readonly Step[];
}

/** Nothing that tells of the mail: this stays for ever. */
export type Wait = Pick<SpoolItem, 'intakeId' | 'state' | 'attempt' | 'dueAt' | 'deadline' | 'failures'>;

/** Facts of a `command` record: what an operator did, each also in the event log as `event` says, and housekeeping. */
export type CommandFacts =
  | {
      readonly command: 'define';
      readonly definitionId: string;
      readonly version: number;
      /** The document, nothing secret in it in clear. */
      readonly document: Readonly<Record<string, unknown>>;
      /** `suspended` as the document has it: where that changed, it is in force from now on. */
      readonly suspended: boolean;
      /** Digest of the document with its secrets, to tell a change; keyed, so that it gives nothing away. */
      readonly digest: string;
      readonly event: EventDraft;
    }
  /** Its mail, its figures and its versions stay; made again, it goes on with them. */
  | { readonly command: 'remove'; readonly definitionId: string; readonly event: EventDraft }
  | {
      readonly command: 'suspend' | 'activate';
      readonly definitionId: string;
      /** `suspended` of the provisioned document at that time: a later change of it wins. */
      readonly provisioned: boolean;
      readonly event: EventDraft;
    }
  | {
      readonly command: 'release' | 'retry';
      readonly intakeId: string;
      readonly overrides: readonly ('age' | 'scope' | 'quarantine')[];
      readonly event: EventDraft;
    }
  /** The tombstone of skipped bytes: of these items, those that are skipped and past their time by then. */
  | { readonly command: 'purge'; readonly definitionId: string | null; readonly intakeIds: readonly string[] }
  /**
   * The tombstone of entries: they and all that tells of them go. That no hold is on them, and that their time has come,
   * was looked at before, under the lock that holds and entries change under; a fold has less to look at (D-055).
   */
  | {
      readonly command: 'delete';
      readonly rule: DeleteRule;
      /** Each with the intakes of its observations. */
      readonly entries: readonly { readonly id: string; readonly intakeIds: readonly string[] }[];
      /** Of an erasure. */
      readonly event?: EventDraft;
    }
  /** What the record `of` told of mail that stands, told again, so that `of` can be dropped; in the particulars. */
  | {
      readonly command: 'restate';
      readonly of: number;
      readonly intakeIds: readonly string[];
      readonly particulars?: number;
    }
  /** What a newer parser tells of a message that stands (D-082), in the particulars; what was told before yields to it. */
  | {
      readonly command: 'reparse';
      readonly intakeId: string;
      /** Number of the parser. */
      readonly parser: number;
      readonly flags: readonly string[];
      readonly absorbed: boolean;
      readonly particulars?: number;
      readonly event: EventDraft;
    }
  /**
   * What became of items of a mailbox that are not in custody, and which of its items are gone; null: gone. What came into
   * custody stands in the `intake` record (D-140).
   */
  | {
      readonly command: 'mailbox';
      readonly definitionId: string;
      readonly changes: readonly (readonly [key: string, entry: Readonly<Record<string, unknown>> | null])[];
    }
  /** How far items have waited, for who takes them over (D-104). */
  | { readonly command: 'wait'; readonly items: readonly Wait[] }
  /** From now on mail of this definition is kept for `ms`; null: for ever. */
  | { readonly command: 'keep'; readonly definitionId: string | null; readonly ms: number | null }
  | { readonly command: 'hold'; readonly hold: Omit<Hold, 'placedAt'>; readonly event: EventDraft }
  | { readonly command: 'lift'; readonly id: string; readonly event: EventDraft }
  /** Somebody has said that the clock is right, though it leapt. */
  | { readonly command: 'resume-retention'; readonly event: EventDraft }
  /** A sign that the engine lives, where no mail says so. */
  | { readonly command: 'look' }
  /** One line in the event log for all that was deleted since the last one. */
  | { readonly command: 'summarise-deleted'; readonly definitionId: string | null }
  /** The index holds nothing any more of what was deleted before. */
  | { readonly command: 'compacted' }
  /** Payloads that stood under a tombstone are off the disk. */
  | { readonly command: 'dropped'; readonly seqs: readonly number[] }
  /** One line in the event log for all that was held since the last one. */
  | { readonly command: 'summarise-held'; readonly definitionId: string | null };
