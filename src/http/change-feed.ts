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
  takeWhile,
  throttleTime,
} from 'rxjs';
import { isoTime } from '../time-words.ts';
import { isAllowed, type Role } from './access.ts';
import type { EngineApi } from './api.types.ts';
import { eventItemOf } from './events.route.ts';

/** A definition is shown at most this often (interface section 4). */
export const statusEveryMs = 1000;
/**
 * A beat this often tells a screen that what it shows is fresh (it calls 10 s of silence a lost connection), keeps
 * proxies from closing a quiet stream, and finds readers that are gone.
 */
export const beatMs = 4_000;

export interface FeedOptions {
  /** Whose stream it is: decides whether there are events in it, and what they show. */
  readonly role: Role | null;
  /** Asked at each beat: whether its reader may still have it. */
  readonly stands: () => boolean;
  readonly clock: SchedulerLike;
}

/**
 * Server-sent events for one reader: each definition's status at first and on change, thinned to one a second with the
 * latest last, the event log as it grows, and a beat with the engine's time. Completes with the engine, and at the first
 * beat at which it no longer stands.
 */
export function changeFeed(api: EngineApi, { role, stands, clock }: FeedOptions): Observable<string> {
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
  const beat$ = interval(beatMs, clock).pipe(takeWhile(stands), share());
  const ended$ = merge(end$, beat$.pipe(ignoreElements(), endWith(null)));
  const now$ = beat$.pipe(map(() => frame('beat', { now: isoTime(clock.now()) })));
  return merge(status$, event$, now$).pipe(takeUntil(ended$));
}

/** One event as the HTML standard frames it; JSON has no line ends of its own. */
function frame(event: string, data: unknown, id?: number): string {
  const line = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${event}\n${line}data: ${JSON.stringify(data)}\n\n`;
}
