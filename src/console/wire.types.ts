/** What the API answers, as types alone: nothing of the engine is built into the console. */
export type { Permission, Role } from '../http/access.ts';
export type { AlertAnswer as Alert } from '../http/alerts.schema.ts';
export type { ShownContent } from '../http/content.schema.ts';
export type { DefinitionView, TestResult } from '../http/definition.schema.ts';
export type { Entry, Found, Trace } from '../http/entry.schema.ts';
export type { Proof as ProofAnswer, Verification } from '../http/evidence.schema.ts';
export type { Change, DryRun, Explanation, Reparse } from '../http/explain.schema.ts';
export type { GapsAnswer } from '../http/gaps.schema.ts';
export type { EventItem, IntakeDetail, IntakeItem, LedgerAnswer } from '../http/intake.schema.ts';
export type { DefinitionForm, History, Statechart } from '../http/live.schema.ts';
export type { Who } from '../http/session.route.ts';
export type { EngineStatus, Status } from '../http/status.schema.ts';
export type { StoreFigures } from '../http/store.schema.ts';

/** A list as every route answers it. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page. */
  readonly next: string | null;
}
