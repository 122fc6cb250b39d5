import type { Figures, Tally } from '../../streams/figures.ts';
import type { Gone, Hold } from '../../streams/keeping.ts';
import type { AgeClock, ArchiveEntry, IntakeState, SpoolItem } from '../../streams/message.ts';
import type { LoggedEvent } from '../../streams/ports.ts';
import type { HeldDigest } from './digests.ts';

/** Values of the index. All are JSON; `format` in `meta` is the version of all of them together. */
export const indexFormat = 4;
/** From the first newer parse on (D-082): an older engine would not delete what was told before it, so it may not open it. */
export const reparsedFormat = 5;

/** Bytes of a skipped item are kept this long from its outcome (journaling a.3). */
export const keepSkippedMs = 30 * 86_400_000;

/** An intake record: a spool item while in process, the same with its end afterwards (then without `parsed`). */
export interface IntakeRow extends Omit<SpoolItem, 'state'> {
  readonly state: IntakeState;
  readonly reason: string | null;
  readonly entryId: string | null;
  readonly flags: readonly string[];
  /** The key it waits under, so that a change of the archive wakes it. */
  readonly waitsFor: string | null;
  readonly absorbed: boolean;
  /** Its intake record in the commit log. */
  readonly recordSeq: number;
  /** The record whose particulars tell of the mail; absent where nothing was archived, or its facts tell all. */
  readonly toldBy?: number;
  /** Records that told of it before a newer parse did (D-082), the oldest first; absent where there are none. */
  readonly toldEarlierBy?: readonly number[];
  /**
   * The other intakes of the same transaction, whose bytes are the same record's. Absent in rows of an older index, of
   * which nobody can say whether they share: nothing of theirs is purged before the index is rebuilt.
   */
  readonly sharedWith?: readonly string[];
  /** When the bytes of a skipped item are given up (journaling a.3), and when they were; absent for every other state. */
  readonly purgeRawAt?: number;
  readonly rawPurgedAt?: number;
  /** What a held item's age was judged by. */
  readonly clock?: AgeClock;
  /** The number of its end among all (`Figures.spoilt`), where it may go through again. */
  readonly endNumber?: number;
}

/** Figures of one definition, with what the sampling of item events has let through. */
export interface FiguresRow extends Figures {
  /** Time of the last event by type and reason; the next one is ten minutes later at the earliest. */
  readonly sampledAt: Readonly<Record<string, number>>;
  /** Items held and not told of in a summary yet; absent where there are none. */
  readonly heldDigest?: HeldDigest | undefined;
  /** Records whose mail was deleted by its retention and not told of yet; absent where there are none. */
  readonly deletedDigest?: Tally | undefined;
}

/** A message that was imported; the newest of them where its bytes were deleted and it came again. */
export interface ImportedRow {
  readonly intakeId: string;
}

/** What is left of a deleted entry. */
export interface GoneRow extends Gone {
  /** The record that says so. */
  readonly seq: number;
}

/**
 * A record whose particulars tell of mail that is deleted. `restatedAt`: since when what it tells of other mail stands
 * elsewhere too; null while that is not so, or where it tells of no other.
 */
export interface ToldRow {
  readonly deletedAt: number;
  readonly restatedAt: number | null;
}

export type HoldRow = Hold;

/** The conservation account of one definition and day (UTC, of receipt). */
export interface LedgerRow {
  readonly received: number;
  readonly archived: number;
  readonly matched: number;
  readonly skipped: number;
  readonly held: number;
  readonly quarantined: number;
  readonly inProcess: number;
}

/** A journal definition as the store knows it. */
export interface DefinitionRow {
  readonly definitionId: string;
  readonly version: number;
  readonly createdAt: number;
  readonly changedAt: number;
  readonly document: Readonly<Record<string, unknown>>;
  readonly digest: string;
  /** As the document has it. */
  readonly suspended: boolean;
  /**
   * What was said last of its suspension, and what its document said at that time; null where nothing was. Said by an
   * operator, or by a document whose `suspended` had changed.
   */
  readonly suspension: { readonly suspended: boolean; readonly provisioned: boolean; readonly at: number } | null;
  /** When it was removed; absent or null while it stands. */
  readonly removedAt?: number | null;
}

/** True while the record has not come to its end; it is then a spool item too. */
export const isInProcess = (row: IntakeRow): row is IntakeRow & SpoolItem =>
  row.state === 'received' || row.state === 'parsed' || row.state === 'delayed' || row.state === 'matching';

export type EntryRow = ArchiveEntry;
export type EventRow = LoggedEvent;

export const noFigures: FiguresRow = {
  received: 0,
  archived: 0,
  matched: 0,
  skipped: 0,
  held: 0,
  quarantined: 0,
  absorbed: 0,
  queueMessages: 0,
  queueBytes: 0,
  delayed: 0,
  matching: 0,
  lastMessageAt: null,
  sampledAt: {},
};
export const emptyLedger: LedgerRow = {
  received: 0,
  archived: 0,
  matched: 0,
  skipped: 0,
  held: 0,
  quarantined: 0,
  inProcess: 0,
};
