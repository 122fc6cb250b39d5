import type { MessageQuery } from './ports.ts';

/** Filters of a search, without its page. */
export type MessageFilter = Omit<MessageQuery, 'limit' | 'cursor'>;

/** Why mail was deleted: its time had come, or an admin said so. */
export type DeleteRule = 'retention' | 'erasure';
export interface Gone {
  readonly deletedAt: number;
  readonly rule: DeleteRule;
}

/** A legal hold: what it names is not deleted, whatever else says so, until it is lifted. */
export interface Hold {
  readonly id: string;
  readonly reason: string;
  /** Entries that fit, those still to come too; one without filters names all there is. Null: `entryIds` alone. */
  readonly query: MessageFilter | null;
  readonly entryIds: readonly string[];
  readonly placedAt: number;
  readonly placedBy: string;
}
