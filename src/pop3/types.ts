import type { SchedulerLike } from 'rxjs';
import type { Destination } from '../../streams/message.ts';
import type { Extraction } from '../../streams/poll.ts';
import type { Custody, NewId, Receipt } from '../../streams/ports.ts';
import type { Pop3Session } from './session.types.ts';

/** Error kinds of journaling d.5 that a POP3 session can end with. `storage`: ours, not the mailbox's. */
export type FailureKind =
  | 'dns'
  | 'refused'
  | 'timeout'
  | 'tls-untrusted'
  | 'tls-expired'
  | 'tls-name'
  | 'tls-protocol'
  | 'stls-missing'
  | 'auth'
  | 'mailbox-locked'
  | 'protocol'
  | 'storage';

/** How far a session has come, in this order; `encrypt` only where it is. */
export type SessionStage = 'connect' | 'encrypt' | 'greeting' | 'log in' | 'count' | 'quit';

/** Where a mailbox is and how to get in. */
export interface MailboxOptions {
  readonly host: string;
  readonly port: number;
  readonly mailboxName: string;
  readonly password: string;
  /** TLS from the first byte, or by STLS on port 110; never a fallback to clear text. */
  readonly encrypted: boolean;
  /** Absent: STLS on port 110, TLS from the first byte on any other. */
  readonly stls?: boolean | undefined;
  /** `relaxed` forgives missing trust alone (journaling a.2). */
  readonly encryptionMode: 'strict' | 'relaxed';
  /** SHA-256 of the only certificate that is accepted, lower-case hex; null for any. It stands in for trust. */
  readonly certificatePin: string | null;
  /** Longest silence in any step. */
  readonly timeoutMs: number;
  /** Bounds a message; a larger one stays in the mailbox, blocked. */
  readonly maxMessageBytes: number;
  /** PEM certificates trusted beside nothing else; the system's when absent. */
  readonly trusted?: string | undefined;
}

/** What ends one session though more remain (journaling c.8). */
export interface BatchLimits {
  readonly items: number;
  readonly bytes: number;
  readonly ms: number;
}
export const batchLimits: BatchLimits = { items: 200, bytes: 256 * 1024 * 1024, ms: 5 * 60_000 };

/**
 * What is known of one item of the mailbox, by its key (`uid:` and the UIDL, or what stands in for it).
 *
 * - `fetched`: in our custody, its deletion not confirmed by QUIT.
 * - `deleted`: QUIT confirmed it; kept until a listing comes without it.
 * - `left`: over age and left on the server (`matching.expiredAction: leave`).
 * - `failing`: RETR failed `failures` sessions running.
 * - `blocked`: not tried again; `reason` says why.
 */
export interface LedgerEntry {
  readonly state: 'fetched' | 'deleted' | 'left' | 'failing' | 'blocked';
  /** As LIST gave it; null where it gave none. */
  readonly listSize: number | null;
  /** SHA-256 of the header block without the empty line, as far as it was read; null when it never was. */
  readonly headerSha256: string | null;
  /** SHA-256 of the bytes in our custody; null when there are none. */
  readonly rawSha256: string | null;
  readonly failures: number;
  readonly reason: string | null;
  /** Of one that is larger than LIST said: as many bytes came before RETR was broken off. */
  readonly seenBytes?: number;
  readonly at: number;
}

/**
 * The UIDL ledger of one definition (journaling c.8). It outlives a restart and is never larger than mailbox and batch. What
 * comes into custody is in it by its intake record, as soon as the commit has returned.
 */
export interface Pop3Ledger {
  read(): Promise<ReadonlyMap<string, LedgerEntry>>;
  /**
   * All or nothing, but of very many. Durable when it resolves; with `sync: false` in force only, so that a power cut may put
   * it back to how it stood before, or as the intake record has it. Null forgets the key.
   */
  write(changes: ReadonlyMap<string, LedgerEntry | null>, options?: { readonly sync: boolean }): Promise<void>;
}

/** News of single items, for the event log (`pop3.blocked`, `pop3.left-on-server`). */
export type ItemReport =
  | {
      readonly type: 'blocked';
      readonly key: string;
      /** As LIST gave it, or what has come where that is more; null where nothing is known. */
      readonly sizeBytes: number | null;
      readonly reason: string;
      /** As RETR or TOP gave them, 64 KiB at most; '' where the server would do neither. */
      readonly headers: string;
    }
  | { readonly type: 'left'; readonly key: string; readonly sizeBytes: number | null };

/** What a mailbox needs of the engine. */
export interface MailboxPorts {
  readonly custody: Pick<Custody, 'begin'>;
  readonly ledger: Pop3Ledger;
  readonly newId: NewId;
  /** The definition at the version now in force. Read for each message. */
  destination(): Destination;
  /** Asked before each message with its LIST size. Anything but `ok` ends the session with QUIT: POP3 pauses. */
  admit(sizeHintBytes: number | null): 'ok' | 'full' | 'overloaded' | 'failed' | 'stopping';
  /** True leaves the message on the server; absent where nothing is left. */
  readonly leaves?: (receipt: Pick<Receipt, 'preview'>) => Promise<boolean>;
  /** A message came into custody. */
  taken(): void;
  report(report: ItemReport): void;
  /** What a session says that nobody is subscribed to any more; it ends after the message in hand. */
  readonly late?: (extraction: Extraction) => void;
  /** Told when the server's certificate, which is trusted, ends (epoch ms). */
  readonly certificate?: (endsAt: number) => void;
  /** Told when a session goes on to its next stage; for the connection test. */
  readonly stage?: (stage: SessionStage) => void;
  /** Protocol dialogue for the detailed log: commands without secrets, status lines, never content. */
  readonly trace?: (line: string) => void;
  /** Opens a session over the network where absent; the crash simulation has mailboxes of its own. */
  readonly openSession?: (options: MailboxOptions, signal: AbortSignal) => Promise<Pop3Session>;
  /** Resolves a host name; the system's resolver when absent. In the order to try. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  readonly clock: SchedulerLike;
}
