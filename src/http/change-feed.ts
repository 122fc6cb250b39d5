import {
  endWith,
  filter,
  from,
  groupBy,
  ignoreElements,
  interval,
  map,
  merge,
  mergeMap,
  type Observable,
  type SchedulerLike,
  share,
  takeUntil,
  throttleTime,
} from 'rxjs';
import { isAllowed, type Role } from './access.ts';
import type { EngineApi } from './api.types.ts';
import { eventItemOf } from './events.route.ts';

/** A definition is shown at most this often (interface section 4). */
export const statusEveryMs = 1000;
/** A comment line this often keeps proxies from closing a quiet stream, and finds readers that are gone. */
export const heartbeatMs = 15_000;

export interface FeedOptions {
  /** Whose stream it is: decides whether there are events in it, and what they show. */
  readonly role: Role | null;
  readonly clock: SchedulerLike;
}

/**
 * Server-sent events for one reader: each definition's status at first and on change, thinned to one a second with the
 * latest last, the event log as it grows, and a heartbeat. Completes with the engine.
 */
export function changeFeed(api: EngineApi, { role, clock }: FeedOptions): Observable<string> {
  const events = isAllowed(role, 'read-events');
  const change$ = api.changes$.pipe(share());
  const end$ = change$.pipe(ignoreElements(), endWith(null));
  const changed$ = change$.pipe(
    filter((change) => change.kind === 'status'),
    map(({ definitionId }) => definitionId),
  );
  const known$ = from(api.status().definitions.map(({ id }) => id));
  const status$ = merge(known$, changed$).pipe(
    groupBy((id) => id),
    // As many at once as there are definitions.
    mergeMap((id$) => id$.pipe(throttleTime(statusEveryMs, clock, { leading: true, trailing: true }))),
    map((id) => api.statusOf(id)),
    filter((status) => status !== undefined),
    map((status) => frame('status', status)),
  );
  const event$ = change$.pipe(
    filter((change) => change.kind === 'event' && events),
    map((change) => (change.kind === 'event' ? frame('event', eventItemOf(change.event, role), change.event.seq) : '')),
  );
  const heartbeat$ = interval(heartbeatMs, clock).pipe(map(() => ': still here\n\n'));
  return merge(status$, event$, heartbeat$).pipe(takeUntil(end$));
}

/** One event as the HTML standard frames it; JSON has no line ends of its own. */
function frame(event: string, data: unknown, id?: number): string {
  const line = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${event}\n${line}data: ${JSON.stringify(data)}\n\n`;
}
