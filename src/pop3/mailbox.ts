import { Observable } from 'rxjs';
import type { Extract, Extraction } from '../../streams/poll.ts';
import { type TestStep, testConnection } from './connection-test.ts';
import { Pace } from './pace.ts';
import { runSession } from './run.ts';
import { type BatchLimits, batchLimits, type MailboxOptions, type MailboxPorts } from './types.ts';

/** A POP3 mailbox as a source: `extract` is what `poll` repeats. */
export interface Mailbox extends AsyncDisposable {
  /** One session for each subscription, never two at once. Unsubscribed, it ends with QUIT after the message in hand. */
  readonly extract: Extract;
  /** Tests the connection, after the session under way: servers let in one at a time. Changes nothing. */
  test(): Promise<readonly TestStep[]>;
  /** Ends the session under way after its message and waits for its QUIT. Idempotent; nothing starts after it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects to nothing before the first subscription. Every wait of a session is bounded by the options' timeout. Options
 * given as a function are read at the start of each session, so that a new password needs no new mailbox.
 */
export function openMailbox(
  given: MailboxOptions | (() => MailboxOptions),
  ports: MailboxPorts,
  limits: BatchLimits = batchLimits,
): Mailbox {
  const running = new Set<AbortController>();
  const pace = new Pace(limits);
  let closed = false;
  // The session before, still in its last message: servers lock a mailbox, so the next one waits for it.
  let last: Promise<void> = Promise.resolve();
  const optionsNow = (): MailboxOptions => (typeof given === 'function' ? given() : given);
  const extract: Extract = () =>
    new Observable<Extraction>((subscriber) => {
      const left = new AbortController();
      running.add(left);
      const say = (extraction: Extraction): void =>
        subscriber.closed ? ports.late?.(extraction) : subscriber.next(extraction);
      const session = last.then(async () => {
        if (closed || left.signal.aborted) {
          say({ type: 'failed', kind: 'protocol', detail: 'stopped' });
          return;
        }
        await runSession({ options: optionsNow(), ports, limits, pace, signal: left.signal, say });
      });
      last = session.catch(() => undefined).finally(() => running.delete(left));
      session.then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
      return () => left.abort();
    });
  return {
    extract,
    test: () => {
      const left = new AbortController();
      running.add(left);
      const tested = last.then(() => testConnection(optionsNow(), ports, left.signal));
      last = tested.then(
        () => void running.delete(left),
        () => void running.delete(left),
      );
      return tested;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      for (const session of running) session.abort();
      await last;
    },
  };
}
