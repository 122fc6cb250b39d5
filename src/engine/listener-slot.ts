import { Observable, type SchedulerLike, Subject } from 'rxjs';
import type { ListenerInput, ListenerNews } from '../../machines/engine.events.ts';
import { messageOf } from '../../streams/failure.ts';
import { type Ingested, type IngestPorts, ingest } from '../../streams/ingest.ts';
import type { News } from '../../streams/ports.ts';
import { openSmtpListener } from '../smtp/listener.ts';
import type { SmtpListener, SmtpOptions, SmtpPorts } from '../smtp/types.ts';

export interface ListenerSlotOptions {
  readonly smtp: SmtpOptions;
  readonly ports: SmtpPorts;
  readonly ingest: IngestPorts;
  readonly clock: SchedulerLike;
  readonly opened: (listener: SmtpListener | null) => void;
  readonly ingested: (result: Ingested) => void;
  /** Every close under way; the store is closed only after them. */
  readonly closings: Set<Promise<void>>;
}

/** Fills the engine chart's `listener` slot: opens the listener, takes its mail into custody, closes when left. */
export function listenerNews(options: ListenerSlotOptions, { name }: ListenerInput): Observable<ListenerNews> {
  const { clock, closings } = options;
  return new Observable((subscriber) => {
    let left = false;
    const opening = openSmtpListener(options.smtp, options.ports).then(
      (listener) => {
        listener.delivery$
          .pipe(ingest(options.ingest, { concurrency: options.smtp.maxConnections }, clock))
          .subscribe(options.ingested);
        options.opened(listener);
        if (!left) subscriber.next({ type: 'listener.bound', at: clock.now(), name });
        return listener;
      },
      (error: unknown) => {
        const detail = messageOf(error);
        subscriber.next({ type: 'listener.failed', at: clock.now(), name, kind: 'bind', detail });
        subscriber.complete();
        return null;
      },
    );
    return () => {
      left = true;
      const closed = opening.then(async (listener) => {
        await listener?.close();
        options.opened(null);
      });
      closings.add(closed);
      void closed.finally(() => closings.delete(closed));
    };
  });
}

/** News of accepted mail, by definition, told at most four times a second, and before each look at a status. */
export interface AcceptedNews {
  readonly of: (definitionId: string) => Observable<News>;
  note(result: Ingested): void;
  /** Tells what is known by now: an answer is never behind (interface section 4). */
  tell(): void;
}

/** Short against the second within which silence has to show. */
const restMs = 250;

export function acceptedNews(clock: SchedulerLike): AcceptedNews {
  const subjects = new Map<string, Subject<News>>();
  const counts = new Map<string, number>();
  let resting = false;
  const subjectOf = (definitionId: string): Subject<News> => {
    const known = subjects.get(definitionId) ?? new Subject<News>();
    subjects.set(definitionId, known);
    return known;
  };
  const tell = (): void => {
    const accepted = [...counts];
    counts.clear();
    for (const [definitionId, count] of accepted) {
      subjectOf(definitionId).next({ type: 'source.extracted', at: clock.now(), count });
    }
  };
  const rest = (): void => {
    resting = true;
    clock.schedule(() => {
      resting = false;
      if (counts.size === 0) return;
      rest();
      tell();
    }, restMs);
  };
  return {
    of: subjectOf,
    note: (result) => {
      // What we sent ourselves says nothing of the sender.
      if (result.kind !== 'acknowledged' || result.own) return;
      for (const { definitionId } of result.destinations) {
        if (definitionId !== null) counts.set(definitionId, (counts.get(definitionId) ?? 0) + 1);
      }
      if (resting) return;
      rest();
      // After this turn of the event loop, so that what came with this message is told with it.
      clock.schedule(tell);
    },
    tell,
  };
}
