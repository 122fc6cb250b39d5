import { concat, defer, map, mergeMap, type Observable, of, repeat, type SchedulerLike, timer } from 'rxjs';
import type { News } from './ports.ts';

/** What one POP3 session says: how much the mailbox holds, once it knows, and at its end one of the other two. */
export type Extraction =
  | { readonly type: 'counted'; readonly count: number }
  /** QUIT was answered +OK. `more`: a batch limit ended the session, so the next may start at once. */
  | { readonly type: 'extracted'; readonly count: number; readonly more: boolean }
  /**
   * `kind` is one of journaling d.5. `inMessage`: it came to its end in the retrieval of one message, whose attempts are
   * counted and which is blocked in the end; by itself that says nothing of the connection. `headers`: in that of the
   * headers of a message that is given up with it.
   */
  | {
      readonly type: 'failed';
      readonly kind: string;
      readonly detail: string;
      readonly inMessage?: 'retrieval' | 'headers';
    };

/** Runs one session. It never errors for what a server does; unsubscribed, it ends after the message in hand. */
export type Extract = () => Observable<Extraction>;

export interface PollOptions {
  /** Rest from the end of one session to the start of the next. */
  readonly pollIntervalMs: number;
  /** Not before this time may the first session start; null: at once. */
  readonly notBeforeAt: number | null;
  /** Failures that already count for the wait after the next one. */
  readonly backoffStep: number;
  /** In [0, 1), for the spread of waits. */
  readonly random: () => number;
}

/** Multiples of the poll interval after the first, second, … failure in a row (journaling d.3). */
const waits = {
  /** A refused password: fewer tries, so that no account is locked. */
  auth: { multiples: [5, 15, 60], capMs: 60 * 60_000 },
  other: { multiples: [0.5, 1, 2, 5, 10], capMs: 10 * 60_000 },
} as const;
/** Another client in the mailbox is no error before the third time (journaling c.8). */
const lockedKind = 'mailbox-locked';
const lockedTries = 3;
/** One message that cannot be had explains so many sessions (d.5, `retr`). More than that, with no mail between, are an error. */
const messageTries = 3;

/**
 * Runs one session after another, resting in between, for ever (journaling c.8, d.3). One session at a time: the next
 * starts only after the last has completed and the rest is over.
 */
export function poll(extract: Extract, options: PollOptions, clock: SchedulerLike): Observable<News> {
  return defer(() => {
    let streak: Streak = { failures: options.backoffStep, locked: 0, inMessage: 0, restMs: 0 };
    let ended = false;
    const said$ = defer(extract).pipe(
      map((extraction): News => {
        const at = clock.now();
        if (extraction.type === 'counted') return { type: 'source.counted', at, count: extraction.count };
        streak = streakAfter(extraction, streak, options);
        ended = true;
        return newsOf(extraction, streak, at);
      }),
    );
    const began$ = defer(() => of<News>({ type: 'source.began', at: clock.now() }));
    const session$ = concat(began$, said$).pipe(
      repeat({
        delay: () => {
          if (!ended) throw new Error('a session ended without saying how');
          ended = false;
          return timer(streak.restMs, clock);
        },
      }),
    );
    const restMs = Math.max(0, (options.notBeforeAt ?? 0) - clock.now());
    return restMs === 0 ? session$ : timer(restMs, clock).pipe(mergeMap(() => session$, 1));
  });
}

/** Failures in a row, how often of late the mailbox was locked, and the rest before the next session. */
interface Streak {
  readonly failures: number;
  readonly locked: number;
  /** Sessions that ended in a message, since the last one that brought mail and came to its end. */
  readonly inMessage: number;
  readonly restMs: number;
}
type Ended = Exclude<Extraction, { readonly type: 'counted' }>;

function streakAfter(extraction: Ended, before: Streak, options: PollOptions): Streak {
  const { inMessage } = before;
  if (extraction.type === 'extracted') {
    const restMs = extraction.more ? 0 : options.pollIntervalMs;
    return { failures: 0, locked: 0, inMessage: extraction.count > 0 ? 0 : inMessage, restMs };
  }
  if (extraction.kind === lockedKind) {
    const locked = before.locked + 1;
    const failures = locked < lockedTries ? before.failures : before.failures + 1;
    return { failures, locked, inMessage, restMs: options.pollIntervalMs };
  }
  const restMs = backoffMs(extraction.kind, before.failures, options);
  const ended = extraction.inMessage === 'retrieval' ? inMessage + 1 : inMessage;
  return { failures: before.failures + 1, locked: 0, inMessage: ended, restMs };
}

function newsOf(extraction: Ended, { locked, inMessage, restMs }: Streak, at: number): News {
  const nextAt = at + restMs;
  if (extraction.type === 'extracted') {
    return { type: 'source.extracted', at, count: extraction.count, nextPollAt: nextAt };
  }
  const part = extraction.inMessage;
  const byMessage = part === 'headers' || (part === 'retrieval' && inMessage <= messageTries);
  if (byMessage || (locked > 0 && locked < lockedTries)) return { type: 'source.delayed', at, nextPollAt: nextAt };
  const { kind, detail } = extraction;
  return { type: 'source.failed', at, kind, detail, nextRetryAt: nextAt };
}

/**
 * What a session says after it was left, as news: what it has seen and done stands. Its failure is nobody's any more, and
 * when the mailbox is visited next is for others to say. Null: nothing.
 */
export function lateNews(extraction: Extraction, at: number): News | null {
  if (extraction.type === 'failed') return null;
  const { type, count } = extraction;
  return type === 'counted' ? { type: 'source.counted', at, count } : { type: 'source.extracted', at, count };
}

/** Spread by a tenth, so that many definitions do not knock at one server together. */
function backoffMs(kind: string, failures: number, { pollIntervalMs, random }: PollOptions): number {
  const { multiples, capMs } = kind === 'auth' ? waits.auth : waits.other;
  const multiple = multiples[Math.min(failures, multiples.length - 1)] ?? 1;
  const spread = 0.9 + 0.2 * random();
  return Math.round(Math.min(multiple * pollIntervalMs * spread, Math.max(capMs, pollIntervalMs)));
}
