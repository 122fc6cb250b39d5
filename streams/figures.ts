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
  /** How often an item that had come to an end went through again; absent where none did. */
  readonly reopened?: number;
  /**
   * Which of the last ends were of items of levels L2 to L5, by their number among all ends (`endsOf`), without those that
   * went through again since; absent where none was. Of an `eej` definition alone.
   */
  readonly spoilt?: readonly number[];
  /** Reports from outside (journaling b.5), counted until none comes for a week; absent where none came. */
  readonly suspect?: Tally;
}
/** How many, and when the first and the last of them; epoch milliseconds. */
export interface Tally {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** So many of the last items say what comes in (journaling b.7). */
export const qualityOver = 200;
/** A week without one, weekend and all, and it is over. */
export const suspectQuietMs = 7 * 86_400_000;

/** Items that came to an end. */
export const settledOf = ({ received, queueMessages }: Pick<Figures, 'received' | 'queueMessages'>): number =>
  received - queueMessages;

/** Ends that items came to, an item that went through again counted each time: it only grows. */
export const endsOf = (figures: Pick<Figures, 'received' | 'queueMessages' | 'reopened'>): number =>
  settledOf(figures) + (figures.reopened ?? 0);
