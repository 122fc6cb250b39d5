import type { ObservableInput } from 'rxjs';
import type { EngineFailure } from './failure.ts';
import type { Gone } from './keeping.ts';
import type {
  AgeClock,
  ArchiveEntry,
  Body,
  Custodied,
  Decoding,
  Destination,
  IntakeState,
  Origin,
  Received,
  Settlement,
  SpoolItem,
  TransportFacts,
  Verdict,
} from './message.ts';

/** What streams need from the world. Adapters answer with promises, marble tests with cold observables, exactly once. */

/** Takes mail into custody (INV-1). */
export interface Custody {
  /**
   * Starts one message; nothing of it counts before `commit` has resolved. `done` hears of written chunks once nothing
   * will read them again, though not of each. @throws EngineFailure `store-full` where `announcedBytes` have no room
   */
  begin(done?: ChunksDone, announcedBytes?: number | null): Receipt;
}
export type ChunksDone = (chunks: readonly Uint8Array[]) => void;

/** One message on its way into custody. Memory is bounded: beyond a limit its bytes go to disk as they come. */
export interface Receipt {
  /** Bytes written so far. */
  readonly size: number;
  /** Hands over the next bytes. A promise asks the caller to stop reading until it resolves; it rejects with EngineFailure. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** All bytes written so far, before the commit; for the age check of `matching.expiredAction: reject` alone. */
  preview(): Promise<Uint8Array>;
  /**
   * Completes once bytes and intake record are on disk and every reader sees them.
   * @throws EngineFailure `store-failed`, `store-full`
   */
  commit(received: Received): Promise<Custodied>;
  /** Gives the message up; what already went to disk is skipped by recovery. Idempotent, also after `commit`. */
  abort(): void;
}

/** Bytes just received, with the two answers the sending side can get. Exactly one of them is called. */
export interface Delivery {
  readonly receipt: Receipt;
  readonly destinations: readonly Destination[];
  readonly origin: Origin;
  readonly transport: TransportFacts;
  acknowledge(custodied: Custodied): void;
  refuse(failure: EngineFailure): void;
}

/** Reads bytes at rest. */
export interface Bodies {
  /** The decoded bytes. @throws EngineFailure `damaged` when they do not have the recorded hash, `missing` */
  read(body: Body, decoding: Decoding, sha256: string): ObservableInput<Uint8Array>;
  /**
   * Lends received bytes that are still in memory: `use` must be done with them when it returns, and is not called for
   * others within it. Undefined: they must be read.
   */
  lend?<T extends object>(sha256: string, use: (bytes: Uint8Array) => T): T | undefined;
}

/** What is in the archive, and the only way into it. */
export interface Archive {
  /** Entries under each of the keys, in the order of the keys. */
  lookup(keys: readonly string[]): ObservableInput<readonly (readonly ArchiveEntry[])[]>;
  /**
   * Rules on each request with the entries then under its keys, one after another under one lock, and writes every
   * verdict in one commit-log record and one index batch (INV-5). Answers the verdicts in the order of the requests.
   * An `unsure` request is left as it was, and one that another engine has ended is `over`, whatever is decided. Waiting items whose key changed become due at once, their next look-up free.
   */
  settle(requests: readonly SettleRequest[]): ObservableInput<readonly Verdict[]>;
}
export interface SettleRequest {
  readonly item: SpoolItem;
  /** Match keys to look under, the item's own first; none for an item that ends without a look. */
  readonly keys: readonly string[];
  /** Pure; `entries` are those under any of `keys`, each once, oldest first. */
  decide(entries: readonly ArchiveEntry[]): Verdict;
}

/** Journal report in, values out (section b of journaling). Pure; never throws. */
export type Unwrap = (bytes: Uint8Array, options: UnwrapOptions) => import('./message.ts').Parsed;
export interface UnwrapOptions {
  readonly journalType: 'eej' | 'standard';
  readonly serviceEmailAddress: string;
  readonly preferClearTextVersion: boolean;
  readonly removeJournalHeaders: boolean;
  /** An operator wants it archived although the rules put it into quarantine: they are off. */
  readonly insists: boolean;
  /** Header names, lower case (journaling b.1). */
  readonly trustedRecipientHeaders: readonly string[];
  /** True for an address in an internal domain. */
  isInternal(address: string): boolean;
}

/** Content hash of one message (journaling c.3), computed off the main thread. @throws EngineFailure `parser-crash` */
export type HashContent = (message: Uint8Array) => ObservableInput<string>;

/** Undoes a transfer encoding; the same function at receipt and at every later read. Never throws. */
export type Decode = (bytes: Uint8Array, decoding: Decoding) => Uint8Array;

/** SHA-256 of bytes, lower-case hex. */
export type HashBytes = (bytes: Uint8Array) => string;

/** Internal domains and known addresses (journaling a.3). */
export interface Directory {
  /** `dn:` addresses that are not listed count as internal and unknown. */
  classify(address: string): { readonly internal: boolean; readonly known: boolean };
}

/** Ids that sort by time of making: `[A-Za-z0-9._~-]+`. */
export type NewId = () => string;

/** News of a source or of processing: events about mail, for machines. Never carries mail. */
export type News =
  /** A POP3 session begins, or waits for the one before it to end. */
  | { readonly type: 'source.began'; readonly at: number }
  /** A POP3 session ended that says nothing of the connection, neither good nor bad. `nextPollAt`: when the next one begins. */
  | { readonly type: 'source.delayed'; readonly at: number; readonly nextPollAt: number }
  /** `count` messages taken; 0 for a POP3 run over an empty mailbox. `nextPollAt`: POP3 only. */
  | { readonly type: 'source.extracted'; readonly at: number; readonly count: number; readonly nextPollAt?: number }
  /** How many messages the mailbox held at the start of the session (STAT). */
  | { readonly type: 'source.counted'; readonly at: number; readonly count: number }
  | { readonly type: 'source.bound'; readonly at: number }
  /** `nextRetryAt`: when the source tries again by itself; absent where it does not know. */
  | {
      readonly type: 'source.failed';
      readonly at: number;
      readonly kind: string;
      readonly detail: string;
      readonly nextRetryAt?: number;
    }
  | { readonly type: 'processing.settled'; readonly at: number; readonly settlements: readonly Settlement[] };

/** One page of a list, newest first. `next` is URL-safe as it stands. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
export interface PageQuery {
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Interface section 5. `since` and `until` bound the message's date (epoch ms), its archiving where it has none. */
export interface MessageQuery extends PageQuery {
  readonly definition?: string | undefined;
  readonly mailbox?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly messageId?: string | undefined;
  readonly subject?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly flag?: string | undefined;
  /** Only those of which some report names fewer people than the headers do (journaling N5). */
  readonly unreported?: true | undefined;
}
/** Where entries stand in every search: a date and an id, in one order. */
export interface PositionList {
  /** At most `limit` positions from `from` on and below `bound`, the last of them, the last first. */
  below(range: { readonly from: string; readonly bound: string; readonly limit: number }): Promise<readonly string[]>;
}
export interface MessageReader {
  /** `lists`: entries that the answer is chosen from, beside those that the query names. */
  find(query: MessageQuery, lists?: readonly PositionList[]): Promise<Page<ArchiveEntry>>;
  get(id: string): Promise<ArchiveEntry | undefined>;
  /** What is left of an entry that was deleted. */
  goneOf(id: string): Promise<Gone | undefined>;
}
/** An intake record as it stands, ended or not (interface section 6). */
export interface IntakeRecord {
  readonly intakeId: string;
  readonly definitionId: string | null;
  readonly definitionVersion: number | null;
  readonly origin: Origin;
  readonly state: IntakeState;
  readonly reason: string | null;
  readonly receivedAt: number;
  readonly size: number;
  readonly sha256: string;
  readonly body: Body;
  readonly transport: TransportFacts;
  /** Rules an operator switched off by release or retry; absent where none was. */
  readonly overrides?: SpoolItem['overrides'];
  readonly attempt: number;
  readonly nextAttemptAt: number | null;
  readonly deadline: number | null;
  readonly entryId: string | null;
  readonly flags: readonly string[];
  readonly steps: readonly import('./message.ts').Step[];
  /** When a skipped record gives its bytes up (journaling a.3), and when it did: then they can be neither read nor released. */
  readonly purgeRawAt?: number;
  readonly rawPurgedAt?: number;
  /** Of a held record. */
  readonly clock?: AgeClock;
}
/** `since` and `until` bound the receipt, epoch milliseconds. */
export interface IntakeQuery extends PageQuery {
  readonly definition?: string | undefined;
  readonly state?: IntakeState | undefined;
  readonly reason?: string | undefined;
  readonly flag?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}
export interface IntakeReader {
  find(query: IntakeQuery): Promise<Page<IntakeRecord>>;
  get(id: string): Promise<IntakeRecord | undefined>;
}

/** One line of the event log (journaling d.6). Secrets never enter `data`. */
export interface LoggedEvent {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly severity: 'info' | 'warning' | 'error';
  /** A token's name, `engine`, or `operator` where there are no tokens. */
  readonly actor: string;
  readonly definitionId: string | null;
  readonly intakeId: string | null;
  readonly entryId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
export type EventDraft = Omit<LoggedEvent, 'seq' | 'at'>;
export interface EventQuery extends PageQuery {
  readonly definition?: string | undefined;
  readonly type?: string | undefined;
  readonly since?: number | undefined;
}
export interface EventLog {
  /** Durable when it resolves. */
  append(draft: EventDraft): ObservableInput<LoggedEvent>;
  find(query: EventQuery): Promise<Page<LoggedEvent>>;
}
