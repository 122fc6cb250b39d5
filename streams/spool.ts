import type { ObservableInput } from 'rxjs';
import type { SpoolItem } from './message.ts';

/** Durable queue between receipt and archive, one range for each definition (null: the gateway's). */
export interface Spool {
  /**
   * Items due by `now`, earliest first, `limit` at most, and when the next is; before them those of another clock.
   * `whose`: all by default.
   */
  due(definitionId: string | null, now: number, limit: number, whose?: Whose): ObservableInput<DueWindow>;
  /** Puts items back in one batch, without a look at the archive: for failed steps and newly parsed, delayed items. */
  defer(items: readonly SpoolItem[]): ObservableInput<void>;
}
/**
 * Among the engines of one log: `own` are items that this engine has taken in itself, for some seconds from their due time
 * on. `all` passes over those that another one has taken in, for a little longer. An engine by itself has taken in all.
 */
export type Whose = 'all' | 'own';
export interface DueWindow {
  readonly items: readonly SpoolItem[];
  /** The earliest `dueAt` after `now`, or null when nothing else waits. */
  readonly nextDueAt: number | null;
}
