/** The parts of the API's answers (interface sections 4 to 7) that the commands show. */
export interface StatusAnswer {
  readonly id: string;
  readonly description: string;
  readonly transport: string;
  readonly serviceStatus: string;
  readonly since: string | null;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly lastSuccessfulExtract: string | null;
  readonly processingQueue: { readonly messages: number; readonly bytes: number; readonly oldest: string | null };
  readonly pop3MailboxQueue: number | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly patience: { readonly exchangeUntil: string; readonly gmailUntil: string } | null;
  /** Undefined of an engine that is older. */
  readonly canary?: {
    readonly standing: string;
    readonly lastCameAt: string | null;
    readonly lastTookSeconds: number | null;
    readonly missed: number;
    readonly unsent: string | null;
  } | null;
  readonly warnings: readonly WarningAnswer[];
}
/** Of `GET /v1/store`. */
export interface StoreAnswer {
  readonly disk: { readonly freeBytes: number };
  readonly growth: { readonly daysLeft: number | null } | null;
}
export interface WarningAnswer {
  readonly code: string;
  readonly text: string;
}
export interface EngineStatusAnswer {
  readonly engine: {
    readonly version: string;
    readonly startedAt: string;
    readonly now: string;
    readonly ready: boolean;
    readonly warnings: readonly WarningAnswer[];
  };
  readonly definitions: readonly StatusAnswer[];
}
export interface TestAnswer {
  readonly ok: boolean;
  readonly steps: readonly {
    readonly step: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly kind: string | null;
    readonly ms: number;
  }[];
}
export interface ListAnswer<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
/** Of `GET /v1/messages`. */
export interface FoundAnswer extends ListAnswer<EntryAnswer> {
  readonly textIndex?: { readonly behind: number };
}
export interface EntryAnswer {
  readonly id: string;
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly date: string | null;
  readonly from: string | null;
  readonly sender: string | null;
  readonly recipients: readonly { readonly address: string; readonly type: string }[];
  readonly size: number;
  readonly sha256: string;
  readonly archivedAt: string;
  readonly origin: string;
  readonly flags: readonly string[];
}
export interface IntakeAnswer {
  readonly id: string;
  readonly definition: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly receivedAt: string;
  readonly size: number;
  readonly attempt: number;
  readonly nextAttemptAt: string | null;
  readonly entryId: string | null;
}
export interface EventAnswer {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly severity: string;
  readonly actor: string | null;
  readonly definition: string | null;
  readonly intakeId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
export interface DefinitionAnswer {
  readonly id: string;
  readonly description: string;
  readonly transport: string;
  readonly suspended: boolean;
  readonly version: number;
}
export interface HoldAnswer {
  readonly id: string;
  readonly reason: string;
  readonly query: Readonly<Record<string, string>> | null;
  readonly entries: readonly string[];
  readonly placedAt: string;
  readonly placedBy: string;
}
export interface AlertAnswer {
  readonly id: string;
  readonly kind: string;
  readonly definition: string | null;
  readonly severity: string;
  readonly state: string;
  readonly title: string;
  readonly text: string;
  readonly since: string;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
}
export interface ChannelTestAnswer {
  readonly channel: string;
  readonly ok: boolean;
  readonly detail: string | null;
}
export interface RetentionAnswer {
  readonly paused: { readonly from: string; readonly to: string } | null;
  readonly items: readonly {
    readonly definition: string | null;
    readonly days: number | null;
    readonly inForceDays: number | null;
  }[];
}
export interface ChangeAnswer {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}
type Setting = string | number | boolean;
export interface ExplanationAnswer {
  readonly definition: { readonly id: string; readonly version: number } | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly level: string | null;
  readonly family: string | null;
  readonly flags: readonly string[];
  readonly recipients?: readonly { readonly address: string; readonly type: string }[];
  readonly entryId: string | null;
  readonly takenFor: string;
  readonly rules: readonly {
    readonly rule: string;
    readonly verdict: string;
    readonly option: string | null;
    readonly value: Setting | null;
    readonly detail: string;
  }[];
  readonly matches: readonly {
    readonly entryId: string;
    readonly case: string;
    readonly joined: boolean;
    readonly differs: readonly string[];
    readonly why: string;
  }[];
  readonly stores: { readonly detail: string };
  readonly decidedAt: string | null;
  readonly whatIf: readonly {
    readonly option: string;
    readonly from: Setting;
    readonly to: Setting;
    readonly changes: readonly ChangeAnswer[];
  }[];
  readonly untried: readonly string[];
  readonly recorded: {
    readonly state: string;
    readonly reason: string | null;
    readonly changes: readonly ChangeAnswer[];
  } | null;
}
interface OtherwiseAnswer {
  readonly id: string;
  readonly receivedAt: string;
  readonly state: string;
  readonly changes: readonly ChangeAnswer[];
}
export interface DryRunAnswer {
  readonly options: readonly { readonly option: string; readonly from: Setting; readonly to: Setting }[];
  readonly looked: number;
  readonly changed: number;
  readonly waits: number;
  readonly skipped: number;
  readonly complete: boolean;
  readonly items: readonly (OtherwiseAnswer & { readonly options: readonly string[] })[];
}
export interface ReparseAnswer {
  readonly parser: number;
  readonly looked: number;
  readonly changed: number;
  readonly repairable: number;
  readonly repaired: number;
  readonly skipped: number;
  readonly complete: boolean;
  readonly items: readonly (OtherwiseAnswer & { readonly repair: string; readonly why: string | null })[];
  readonly next: string | null;
}
