import type { Observable } from 'rxjs';
import type { ArchiveEntry, IntakeState } from '../../streams/message.ts';
import type {
  EventLog,
  IntakeQuery,
  IntakeReader,
  IntakeRecord,
  LoggedEvent,
  MessageReader,
  Page,
  PageQuery,
  PositionList,
} from '../../streams/ports.ts';
import type { Role } from './access.ts';
import type { AlertsApi } from './alerts.types.ts';
import type { ShownContent } from './content.schema.ts';
import type { DefinitionView, TestResult } from './definition.schema.ts';
import type { Entry } from './entry.schema.ts';
import type { Proof, SignedHeadAnswer, Verification } from './evidence.schema.ts';
import type { ExplainApi } from './explain.types.ts';
import type { ExportApi } from './export.types.ts';
import type { GapsAnswer } from './gaps.schema.ts';
import type { ImportApi } from './import.types.ts';
import type { KeepingApi } from './keeping.types.ts';
import type { DefinitionForm, History, Statechart } from './live.schema.ts';
import type { Component, EngineStatus, Status } from './status.schema.ts';
import type { StoreFigures } from './store.schema.ts';

/**
 * What the HTTP room needs of the engine. Shapes named after an answer are that answer as it goes over the wire.
 * Expected failures are EngineFailure; `missing` reads as 404, store failures as 503.
 */
export interface EngineApi extends Administration, ExplainApi {
  /** Current figures, never behind: it counts every message acknowledged before the call (interface section 4). */
  status(): EngineStatus;
  statusOf(definitionId: string): Status | undefined;
  /** Newest first. */
  definitions(): readonly DefinitionView[];
  definition(definitionId: string): DefinitionView | undefined;

  /** The last hour minute by minute; of those definitions alone that had mail in it. */
  history(): History;
  /** The chart that every definition lives by. */
  statechart(): Statechart;
  /** The JSON Schema of a definition's document, with the sections of its form. */
  definitionForm(): DefinitionForm;

  readonly messages: MessageReader;
  /**
   * Lists of the messages that have each word of a text, and how many messages are not looked through yet; null where
   * `search.text` is off. @throws EngineFailure `store-failed` while there is no index
   */
  textLists(text: string): { readonly lists: readonly PositionList[]; readonly behind: number } | null;
  /** The Entry of interface section 5. */
  viewOf(entry: ArchiveEntry, holds: readonly string[]): Entry;
  /** The primary representation, or that of `representations[n]`. Undefined for an unknown entry or index. */
  rawEntry(entryId: string, n: number | undefined): Promise<RawMessage | undefined>;
  /** The same taken apart for a person; `busy` while too many are. */
  contentOf(entryId: string, n: number | undefined): Promise<ShownContent | 'busy' | undefined>;

  readonly intake: IntakeReader;
  rawIntake(intakeId: string): Promise<RawMessage | undefined>;
  /** Held and skipped records; resolves once it counts as in process. */
  release(intakeId: string, by: ChangedBy): Promise<IntakeChange>;
  /** The newest `limit` records that fit, each as by `release`; those that have left meanwhile are passed over. */
  releaseAll(wanted: BulkQuery, by: ChangedBy): Promise<BulkRelease>;
  /** Quarantined records; resolves once it counts as in process. */
  retry(intakeId: string, by: ChangedBy): Promise<IntakeChange>;

  /** Sums over one definition or all, one UTC day (`2026-01-31`) of receipt or all time. */
  ledger(definitionId: string | undefined, day: string | undefined): Promise<LedgerSums>;
  /** The same day by day, the newest first; the cursor is a day. */
  ledgerDays(definitionId: string | undefined, page: PageQuery): Promise<Page<LedgerDay>>;
  /** People whom headers name and no report does: of a day, or the newest. Undefined for a day that was not looked at. */
  gaps(day: string | undefined, definitionId: string | undefined): Promise<GapsAnswer | undefined>;
  /** Figures of the store, at most half a minute old. */
  storeFigures(): Promise<StoreFigures>;
  readonly events: Pick<EventLog, 'find'>;
  readonly evidence: EvidenceApi;
  readonly keeping: KeepingApi;
  readonly imports: ImportApi;
  readonly exports: ExportApi;
  readonly alerts: AlertsApi;

  readiness(): { readonly ready: boolean; readonly missing: readonly string[] };
  health(): readonly Component[];
  /** Sending sides refused, by definition (null: none was named) and reason; reasons are few and fixed. */
  rejections(): readonly Rejections[];
  /** Mail and connections put off while the engine was overloaded; reasons are few and fixed. */
  shed(): readonly { readonly reason: string; readonly count: number }[];
  /** What `/v1/stream` shows; hot, never errors, completes when the engine stops. Thinned here, so it may be noisy. */
  readonly changes$: Observable<EngineChange>;
  /** Writes the event `access.denied`. Never waited for. */
  accessDenied(denied: AccessDenied): void;
  /** Writes the event `session.opened`. Never waited for. */
  signedIn(by: { readonly actor: string; readonly peer: string }): void;
  /** Writes who saw what mail into the event log. Never waited for. */
  accessed(access: ContentAccess): void;
}

/** Somebody saw content of mail. */
export interface ContentAccess {
  readonly kind: 'view' | 'search' | 'download' | 'intake-download' | 'prove';
  /** The token's name. */
  readonly actor: string;
  readonly peer: string;
  readonly entryId?: string;
  readonly intakeId?: string;
  /** Of a search, as it was asked for. */
  readonly query?: Readonly<Record<string, unknown>>;
}

/** Proofs and verifications of what is stored. */
export interface EvidenceApi {
  /** Starts one, unless one runs. */
  verify(): Verification;
  verification(): Verification;
  /** Signed now, or just before. */
  head(): Promise<SignedHeadAnswer>;
  /** Undefined for an unknown record. */
  proofOf(intakeId: string): Promise<Proof | undefined>;
}

/** What operators do to definitions (interface section 7). Each is in force, and in the event log, when it resolves. */
export interface Administration {
  suspend(definitionId: string, by: ChangedBy): Promise<DefinitionChange>;
  activate(definitionId: string, by: ChangedBy): Promise<DefinitionChange>;
  /** Makes or changes one from its document, as interface section 3 has it. */
  put(
    definitionId: string,
    document: Readonly<Record<string, unknown>>,
    by: WriteBy & { readonly ifMatch: IfMatch },
  ): Promise<PutAnswer>;
  /** `force`: though mail of it is in process, which is finished all the same. */
  remove(
    definitionId: string,
    by: WriteBy & { readonly ifMatch: IfMatch; readonly force: boolean },
  ): Promise<RemoveAnswer>;
  /** Step by step, changing nothing; `session`: what an SMTP client would show of itself. */
  test(definitionId: string, by: ChangedBy, session: TestSession | undefined): Promise<TestAnswer>;
  /** Runs a POP3 definition now instead of at its next poll or retry. */
  poll(definitionId: string, by: ChangedBy): Promise<DefinitionChange>;
}

/** Version of the `If-Match` header (RFC 9110 section 13.1.1). */
export type IfMatch = number | '*' | undefined;
export interface ChangedBy {
  /** The token's name, or `operator` where there are no tokens. */
  readonly actor: string;
  readonly reason: string | null;
}
export interface WriteBy extends ChangedBy {
  readonly role: Role | null;
}
/** Why a change of a definition was not made. */
export type WriteRefusal =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'provisioned' }
  /** Without a version where one is asked for. */
  | { readonly kind: 'unmatched' }
  /** With another version than stands. */
  | { readonly kind: 'outdated' }
  | { readonly kind: 'invalid'; readonly faults: readonly { readonly path: string; readonly text: string }[] }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'forbidden'; readonly why: string };
export type PutAnswer =
  | { readonly kind: 'created'; readonly definition: DefinitionView }
  | { readonly kind: 'changed'; readonly definition: DefinitionView }
  | WriteRefusal;
export type RemoveAnswer = { readonly kind: 'removed' } | WriteRefusal;
export interface TestSession {
  readonly peer: string;
  readonly secure: boolean;
  readonly authenticated: boolean;
}
export type TestAnswer = { readonly kind: 'done'; readonly result: TestResult } | { readonly kind: 'unknown' };
export type DefinitionChange =
  | { readonly kind: 'done'; readonly status: Status }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly why: string };
export type IntakeChange =
  | { readonly kind: 'done'; readonly record: IntakeRecord }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly state: IntakeState; readonly why?: string };
/** Which records to release together, and how many at most. */
export interface BulkQuery extends Omit<IntakeQuery, 'cursor'> {
  readonly state: 'held' | 'skipped';
}
export interface BulkRelease {
  readonly released: number;
  /** Records that fit and can be released, and were not; counted up to a bound. */
  readonly remaining: number;
}

/** Bytes for download: at once, or in order as they are read. `size` is exact. */
export interface RawMessage {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface LedgerSums {
  readonly received: number;
  readonly archived: number;
  readonly matched: number;
  readonly skipped: number;
  readonly held: number;
  readonly quarantined: number;
  readonly inProcess: number;
}
export interface LedgerDay extends LedgerSums {
  /** UTC, `2026-01-31`. */
  readonly day: string;
}
export interface Rejections {
  readonly definition: string | null;
  readonly reason: string;
  readonly count: number;
}

export type EngineChange =
  | { readonly kind: 'status'; readonly definitionId: string }
  | { readonly kind: 'event'; readonly event: LoggedEvent };

export interface AccessDenied {
  /** The token's name, or null. The tried token is kept nowhere. */
  readonly actor: string | null;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly status: 401 | 403;
  readonly peer: string;
}

export type { TestResult };
