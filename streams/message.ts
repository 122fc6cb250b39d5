/** Shapes that flow: what is received, what is in process, what is archived. Every time is epoch milliseconds. */

import type { ListedAs } from './listed-as.ts';

/** Where a copy came from: a journal definition, the mail gateway's listener, or an import. */
export type Origin = 'journal' | 'gateway' | 'import';

export const inProcessStates = ['received', 'parsed', 'delayed', 'matching'] as const;
export const outcomes = ['archived', 'matched', 'skipped', 'held', 'quarantined'] as const;
export type InProcessState = (typeof inProcessStates)[number];
/** The five ends of an intake record; each has exactly one (INV-2). */
export type Outcome = (typeof outcomes)[number];
export type IntakeState = InProcessState | Outcome;

/** A run of bytes inside the payload of the commit-log record `seq`. */
export interface Slice {
  readonly seq: number;
  readonly offset: number;
  readonly length: number;
}
/** Bytes at rest: slices in reading order. Opaque to streams and machines. */
export type Body = readonly Slice[];
/** How the bytes of a body become the bytes of a message. */
export type Decoding = 'identity' | 'base64' | 'quoted-printable';

/** What the transport knew of a message, kept with its intake record. */
export interface TransportFacts {
  readonly kind: 'smtp' | 'pop3' | 'import';
  /** IP address of the sending side, IPv4-mapped ones unmapped. */
  readonly peer: string | null;
  /** MAIL FROM; '' is the null sender, null where the transport has none. */
  readonly mailFrom: string | null;
  readonly rcptTo: readonly string[];
  /** TLS protocol version, or null in clear. */
  readonly tls: string | null;
  readonly authenticatedAs: string | null;
  readonly uidl: string | null;
  /** Of an import alone: read as a journal item, or as the gateway's own copy of a message. */
  readonly importedAs?: ImportedAs;
}
export type ImportedAs = 'journal' | 'gateway';

/** The definition (at the version then in force) that a message was received for; null ids for the gateway. */
export interface Destination {
  readonly definitionId: string | null;
  readonly definitionVersion: number | null;
}
export interface IntakeTarget extends Destination {
  readonly intakeId: string;
}
/** What the commit log records when a message comes into custody: one blob, one intake for each target. */
export interface Received {
  readonly targets: readonly IntakeTarget[];
  readonly origin: Origin;
  readonly receivedAt: number;
  readonly transport: TransportFacts;
  /** Of a mailbox alone: how its next listing tells that it is this item, should it still be there. */
  readonly listed?: ListedAs;
}
/** The proof of custody that a transport may pass on to the sending side. */
export interface Custodied {
  readonly intakeIds: readonly string[];
  readonly receivedAt: number;
  readonly size: number;
  /** Lower-case hex SHA-256 of the received bytes. */
  readonly sha256: string;
}

export type Level = 'L0' | 'L1' | 'L2' | 'L3' | 'L4' | 'L5';
export type Family = 'ms2007' | 'ms2003' | 'workmail' | 'heuristic';
export type RecipientType = 'to' | 'cc' | 'bcc' | 'recipient' | 'undisclosed';
export type RecipientSource = 'envelope' | 'header' | 'harvest' | 'trace' | 'unverified';
export interface Via {
  readonly kind: 'expanded' | 'forwarded';
  readonly address: string;
}
/** `address` as the report wrote it, domain in lower case; a directory name is `dn:/o=…`. */
export interface Recipient {
  readonly address: string;
  readonly type: RecipientType;
  readonly via: readonly Via[];
  readonly source: RecipientSource;
  /** What the original's header adds to a 2003 report, which says `recipient` of everybody (journaling b.4). */
  readonly refined?: 'to' | 'cc' | 'undisclosed';
}

/** Header facts of one message, read from its top header block without decoding its body. */
export interface HeaderFacts {
  /** First `<…>` token, brackets kept, white space removed; null when there is none. */
  readonly messageId: string | null;
  /** First From addr-spec, domain in lower case. */
  readonly from: string | null;
  /** Decoded, blanks collapsed. */
  readonly subject: string | null;
  /** The Date header, whole seconds as epoch milliseconds; null when absent or unparsable. */
  readonly dateAt: number | null;
}

/** One message found in the received bytes. */
export interface Original {
  /** Byte ranges [start, end) of the received bytes; several where headers were cut out. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly decoding: Decoding;
  /** Rights-protected (journaling b.6). */
  readonly protected: boolean;
  /** The clear copy of a rights-protected pair. */
  readonly clearText: boolean;
  readonly facts: HeaderFacts;
}

/** The times by which the age of a message is judged (journaling c.6). */
export interface MessageTimes {
  readonly date: number | null;
  readonly reportSent: number | null;
  readonly oldestReceived: number | null;
  readonly newestReceived: number | null;
  readonly outerDate: number | null;
}

/** The clock values of a held message, and the one that was compared (journaling c.2, c.6). */
export interface AgeClock extends MessageTimes {
  readonly messageTime: number;
}

/** What section b of journaling makes of the received bytes. */
export interface Parsed {
  readonly class: 'envelope' | 'standard' | 'quarantine';
  readonly family: Family | null;
  readonly level: Level;
  readonly flags: readonly string[];
  /** Only at L5: `no-headers`, `limit:<which>`, `decode`, `tnef`. */
  readonly quarantineReason: string | null;
  /** '' is the null sender, null a missing one. */
  readonly sender: string | null;
  readonly onBehalfOf: string | null;
  /** Those whom the header's From names behind the first one, where no report speaks (L2, L4); absent: nobody. */
  readonly authors?: readonly string[];
  /** The report's own subject; the original's where the report is absorbed (L2, L4). */
  readonly subject: string | null;
  /** Canonical: the original's, else the report's (journaling b.6). */
  readonly messageId: string | null;
  readonly reportMessageId: string | null;
  readonly recipients: readonly Recipient[];
  /** Every original in order of appearance; empty at L3 and L5. At L4 the received bytes themselves. */
  readonly originals: readonly Original[];
  /** Index into `originals` of the primary one; null where there is none. */
  readonly primary: number | null;
  readonly extra: Readonly<Record<string, string>>;
  readonly unparsed: readonly string[];
  readonly times: MessageTimes;
}

/** One step of an intake record, kept for the person who asks what became of it. */
export interface Step {
  readonly at: number;
  /** `received`, `parsed`, `delayed`, `attempt`, `woken`, `released`, `retried`, `reparsed`, `purged`, `deleted`, `failed` or an outcome. */
  readonly step: string;
  readonly detail: string | null;
}

/** One intake record in process. */
export interface SpoolItem extends IntakeTarget {
  readonly origin: Origin;
  readonly receivedAt: number;
  readonly size: number;
  readonly sha256: string;
  readonly body: Body;
  readonly transport: TransportFacts;
  readonly state: InProcessState;
  /** Look-ups made so far that count as attempts. */
  readonly attempt: number;
  readonly dueAt: number;
  /** When it is archived at the latest; null before it is parsed. */
  readonly deadline: number | null;
  /** True when the archive changed under its key: the next look-up is free. */
  readonly woken: boolean;
  /** Steps that failed in a row, each waited for (1 s, 10 s, 60 s). */
  readonly failures: number;
  /** Rules an operator switched off by release or retry. */
  readonly overrides: readonly ('age' | 'scope' | 'quarantine')[];
  readonly parsed: ParsedMail | null;
  readonly steps: readonly Step[];
}

/** A parsed message with the digests that matching and the archive need. */
export interface ParsedMail extends Parsed {
  readonly representations: readonly Representation[];
  /** Every recipient with the directory's verdict at receipt. */
  readonly observed: readonly ObservedRecipient[];
  /** The known internal addresses among sender, On-Behalf-Of, header From (L2, L4) and recipients, at receipt. */
  readonly mailboxes?: readonly string[];
  /** The known internal addresses of the original's To and Cc, where the report does not name every one of them. */
  readonly named?: readonly string[];
  /** Sender internal, at least one recipient, all recipients internal. */
  readonly internal: boolean;
  /** `mid:…` of the canonical Message-ID, or `ch:…` of the content hash where there is none (journaling c.3). */
  readonly matchKey: string | null;
  /** Number of the parser that made it (D-082); absent: from before they were numbered. */
  readonly parser?: number;
}

/** One byte version of a message. */
export interface Representation {
  /** Lower-case hex SHA-256 of the decoded bytes. */
  readonly sha256: string;
  readonly size: number;
  readonly body: Body;
  readonly decoding: Decoding;
  /** Journaling c.3; null until a candidate makes it necessary. */
  readonly contentHash: string | null;
  readonly protected: boolean;
  readonly clearText: boolean;
  /** The report itself stands in for a missing original (L3). */
  readonly stub: boolean;
  /** The one this copy of the mail would show. */
  readonly primary: boolean;
  readonly facts: HeaderFacts;
}
export interface ObservedRecipient extends Recipient {
  readonly internal: boolean;
  readonly known: boolean;
}

/**
 * Who delivered which copy when. Keyed by `intakeId`: the same one twice changes nothing (INV-4), and of two that differ a
 * newer parser's stands (D-082).
 */
export interface Observation {
  readonly intakeId: string;
  readonly definitionId: string | null;
  readonly origin: Origin;
  readonly receivedAt: number;
  readonly level: Level;
  readonly family: Family | null;
  readonly flags: readonly string[];
  readonly reportMessageId: string | null;
  readonly sender: string | null;
  readonly onBehalfOf: string | null;
  /** See {@link Parsed.authors}. */
  readonly authors?: readonly string[];
  readonly recipients: readonly ObservedRecipient[];
  /** See {@link ParsedMail.mailboxes}. */
  readonly mailboxes?: readonly string[];
  /** See {@link ParsedMail.named}. */
  readonly named?: readonly string[];
  readonly representations: readonly Representation[];
  /** See {@link ParsedMail.parser}. */
  readonly parser?: number;
}

/**
 * What is stored for good about one message: a set of observations, ordered by `intakeId`.
 * All that is shown of it is a pure function of this set, so merging is set union.
 */
export interface ArchiveEntry {
  /** The id of the intake that created it, so that a replay after a crash gives the same one. */
  readonly id: string;
  /** See {@link ParsedMail.matchKey}. */
  readonly matchKey: string;
  readonly archivedAt: number;
  readonly origin: Origin;
  /** Only grows: `variant`, `mid-collision`. */
  readonly flags: readonly string[];
  readonly observations: readonly Observation[];
}

/** How one intake ended, or where it waits; what the commit log records of an end. */
export type Verdict =
  | { readonly kind: 'insert'; readonly observation: Observation; readonly collidesWith: readonly string[] }
  | {
      readonly kind: 'merge';
      readonly entryId: string;
      readonly case: 'M1' | 'M2' | 'M4' | 'M5' | 'M6';
      readonly observation: Observation;
      /** Nothing new: no recipient, sender fact or representation. */
      readonly noop: boolean;
      /** Content hashes learnt of the entry's representations, by their sha256. */
      readonly learnt: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'end';
      readonly outcome: 'skipped' | 'held' | 'quarantined';
      readonly reason: string;
      /** Of a held one. */
      readonly clock?: AgeClock;
    }
  /** Not ended: back into the spool with a later `dueAt`. */
  | { readonly kind: 'defer'; readonly item: SpoolItem }
  /** Not ended: content hashes are needed first (the item's own, or those of the entries named). */
  | { readonly kind: 'unsure'; readonly entryIds: readonly string[] }
  /** Ended already, by another engine on the same log: nothing was decided. */
  | { readonly kind: 'over' };

/** What an item leaves the spool by. */
export type EndingVerdict = Exclude<Verdict, { readonly kind: 'defer' | 'unsure' | 'over' }>;

/** An item that has left the spool. */
export interface Settlement {
  readonly intakeId: string;
  readonly definitionId: string | null;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly entryId: string | null;
  readonly level: Level | null;
  readonly at: number;
}

/** What the matching of one journal definition needs; a definition satisfies it by structure. */
export interface JournalOptions {
  readonly definitionId: string;
  readonly definitionVersion: number;
  readonly serviceEmailAddress: string;
  readonly journalType: 'eej' | 'standard';
  readonly initialProcessDelayMs: number;
  readonly deliveryWaitAttempts: number;
  readonly deliveryWaitIntervalMs: number;
  readonly removeJournalHeaders: boolean;
  readonly preferClearTextVersion: boolean;
  readonly extendedDeduplication: boolean;
  readonly journalNonInternalAddresses: boolean;
  readonly journalUnknownInternalAddresses: boolean;
}

/** What all definitions share (interface section 2, `matching`). */
export interface MatchingOptions {
  readonly extendedWaitMs: number;
  readonly maxAgeMs: number;
  readonly expiredAction: 'hold' | 'reject' | 'leave';
  readonly expiryClock: 'date' | 'latest';
  readonly matchOnContent: boolean;
  readonly continuityEvent: boolean;
}
