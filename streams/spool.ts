import type { ObservableInput } from 'rxjs';
import type { SpoolItem } from './message.ts';

/** Durable queue between receipt and archive, one range for each definition (null: the gateway's). */
export interface Spool {
  /** Items due by `now`, earliest first, `limit` at most, and when the next is; before them those of another clock. */
  due(definitionId: string | null, now: number, limit: number): ObservableInput<DueWindow>;
  /** Puts items back in one batch, without a look at the archive: for failed steps and newly parsed, delayed items. */
  defer(items: readonly SpoolItem[]): ObservableInput<void>;
}
export interface DueWindow {
  readonly items: readonly SpoolItem[];
  /** The earliest `dueAt` after `now`, or null when nothing else waits. */
  readonly nextDueAt: number | null;
}
