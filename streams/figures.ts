import type { DeleteRule } from './keeping.ts';

/** Figures of one definition since it was made; `received` is the sum of all the others but `absorbed` (INV-3). */
export interface Figures {
  readonly received: number;
  readonly archived: number;
  readonly matched: number;
  readonly skipped: number;
  readonly held: number;
  readonly quarantined: number;
  /** Part of `archived` and `matched`: levels L2 and L4 of an `eej` definition. */
  readonly absorbed: number;
  /** In process: messages and bytes, and those of them that wait. */
  readonly queueMessages: number;
  readonly queueBytes: number;
  readonly delayed: number;
  readonly matching: number;
  readonly lastMessageAt: number | null;
  /** Records whose mail was deleted, by why; absent where none was. Each counts in its outcome all the same. */
  readonly deleted?: Readonly<Record<DeleteRule, number>>;
}
