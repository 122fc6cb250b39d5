import type { IntakeQuery } from '../../streams/ports.ts';
import type { ChangedBy } from './api.types.ts';
import type { DryRun, Explanation, Reparse } from './explain.schema.ts';

/** Dry runs: of one message, of a changed definition, of a newer parser. */
export interface ExplainApi {
  /** A dry run; changes nothing. Undefined for an unknown definition. */
  explain(definitionId: string, message: PostedMessage, wanted: ExplainOptions): Promise<Explanation | undefined>;
  /** The same of a message that was accepted, as of its receipt. Undefined for an unknown record. */
  explainIntake(intakeId: string, wanted: ExplainOptions): Promise<Explanation | undefined>;
  /** What a changed definition would make of the last messages it received; changes nothing. */
  dryRun(
    definitionId: string,
    document: Readonly<Record<string, unknown>>,
    wanted: { readonly last: number },
  ): Promise<DryRunAnswer>;
  /** What today's parser would say otherwise of the newest `limit` stored messages that fit; changes nothing. */
  reparse(query: IntakeQuery): Promise<Reparse>;
  /** The same, and each newer parse of the same message takes the place of the older one (D-082). */
  applyReparse(query: IntakeQuery, by: ChangedBy): Promise<Reparse>;
}

export type DryRunAnswer =
  | { readonly kind: 'done'; readonly result: DryRun }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'invalid'; readonly faults: readonly { readonly path: string; readonly text: string }[] };
export interface ExplainOptions {
  /** Try each option with another value too. */
  readonly whatIf: boolean;
}

/** A message that was sent here to be looked at, in the pieces it came in. */
export interface PostedMessage {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}
