import type { Subscription } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { Extraction } from '../../streams/poll.ts';
import { Book } from './book.ts';
import { Flight, type FlightLimits } from './flight.ts';
import { ItemRun } from './item-run.ts';
import type { Listed } from './listing.ts';
import type { Pace } from './pace.ts';
import { Pop3Failure, RefusedCommand, RetrievalFailure } from './pop3-failure.ts';
import { openSession } from './session.ts';
import type { Pop3Session } from './session.types.ts';
import { withoutPassword } from './shown.ts';
import type { BatchLimits, MailboxOptions, MailboxPorts } from './types.ts';

/**
 * Items under way at once, one where the server takes no pipeline: all of a session's small mail, so that nothing waits for
 * what is on its way to the disk, and of larger mail as much as is quickly received once the mailbox is suspended. A message
 * larger than 256 KB goes to disk while it comes, so memory is bounded too.
 */
export const inFlight: FlightLimits = { items: 200, bytes: 4 * 1024 * 1024 };
/** Once left, what is under way may take this long: then it stays in the mailbox (interface section 7, suspend). */
const leavingMs = 4_000;

/** One run: what it works with, and when to end after the message in hand. */
export interface RunContext {
  readonly options: MailboxOptions;
  readonly ports: MailboxPorts;
  readonly limits: BatchLimits;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly say: (extraction: Extraction) => void;
}

/**
 * One session (journaling c.8): STAT, UIDL, LIST, then for each item, oldest first, RETR, custody, DELE; at last QUIT.
 * Says how much the mailbox holds, and how it ended. Rejects for bugs only.
 */
export async function runSession(context: RunContext): Promise<void> {
  const { options, ports, signal, say } = context;
  try {
    const session = await (ports.openSession?.(options, signal) ?? openSession(options, ports, signal));
    let late: Subscription | undefined;
    const left = (): void => {
      late = ports.clock.schedule(() => session.close(), leavingMs);
    };
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    try {
      say(await visit(session, context));
    } finally {
      signal.removeEventListener('abort', left);
      late?.unsubscribe();
      session.close();
    }
  } catch (error) {
    say(failedBy(error, options.password));
  }
}

async function visit(session: Pop3Session, context: RunContext): Promise<Extraction> {
  const { ports, say } = context;
  const { count, listing } = await surveyOf(session);
  say({ type: 'counted', count });
  const book = await Book.open(ports.ledger, listing);
  const run = new ItemRun(session, book, context);
  const end = await takeAll(run, inOrder(listing, book), context);
  try {
    await session.quit();
  } catch (error) {
    throw error instanceof RefusedCommand ? new Pop3Failure('protocol', `QUIT: ${error.message}`) : error;
  }
  await book.confirm(ports.clock.now(), end.kind === 'complete');
  if (end.kind === 'failed') throw end.failure;
  return { type: 'extracted', count: run.taken, more: end.kind === 'more' };
}

/** How much the mailbox holds, and what; an empty one is not listed where that costs a round trip. */
async function surveyOf(session: Pop3Session): Promise<{ count: number; listing: readonly Listed[] }> {
  if (session.pipelined) {
    const [count, listing] = await Promise.all([session.count(), session.list()]);
    return { count, listing };
  }
  const count = await session.count();
  return { count, listing: count === 0 ? [] : await session.list() };
}

type BatchEnd =
  /** Every item was looked at. */
  | { readonly kind: 'complete' }
  /** A batch limit was reached. */
  | { readonly kind: 'more' }
  /** Stopping, or no room: what remains waits for a later poll. */
  | { readonly kind: 'paused' }
  /** Ours failed: the deletions so far are still worth a QUIT. */
  | { readonly kind: 'failed'; readonly failure: EngineFailure };

async function takeAll(run: ItemRun, items: readonly Listed[], context: RunContext): Promise<BatchEnd> {
  const { limits, pace, ports, signal } = context;
  const startedAt = ports.clock.now();
  const most = run.pipelined ? Math.min(inFlight.items, pace.items) : 1;
  const flight = new Flight({ ...inFlight, items: most });
  const isSpent = (): boolean => {
    const bytes = run.bytes + flight.bytes;
    return run.items >= limits.items || bytes >= limits.bytes || ports.clock.now() - startedAt >= limits.ms;
  };
  let end: BatchEnd = { kind: 'complete' };
  for (const item of items) {
    if (run.isSettled(item)) continue;
    if (!(await flight.room(item.listSize))) break;
    if (signal.aborted) end = { kind: 'paused' };
    else if (run.items > 0 && isSpent()) end = { kind: 'more' };
    if (end.kind !== 'complete') break;
    flight.begin(item.listSize, run.take(item));
  }
  try {
    await flight.landed();
    await run.deleted();
  } finally {
    pace.note(run.items, ports.clock.now() - startedAt);
  }
  return flight.stop ?? end;
}

/** Oldest first; what failed before comes last, so that it never stops the rest. */
function inOrder(listing: readonly Listed[], book: Book): readonly Listed[] {
  if (!book.hasFailing) return listing;
  const failedBefore = (item: Listed): boolean => book.of(item)?.state === 'failing';
  return [...listing.filter((item) => !failedBefore(item)), ...listing.filter(failedBefore)];
}

function failedBy(error: unknown, password: string): Extraction {
  const said = (kind: string, { message }: Error): Extraction => {
    const inMessage = error instanceof RetrievalFailure ? { inMessage: error.part } : {};
    return { type: 'failed', kind, detail: withoutPassword(message, password), ...inMessage };
  };
  if (error instanceof Pop3Failure) return said(error.kind, error);
  if (error instanceof RefusedCommand) return said('protocol', error);
  if (error instanceof EngineFailure) return { type: 'failed', kind: 'storage', detail: error.message };
  throw error;
}
