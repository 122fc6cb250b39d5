import { catchError, concat, EMPTY, from, type Observable, of, switchMap } from 'rxjs';
import type { Resumed, RuntimeRecord, SourceInput } from '../../machines/journal.events.ts';
import type { News } from '../../streams/ports.ts';
import { definitionDuty } from './duties.ts';
import { savedRuntime } from './runtimes.ts';
import type { Workshop } from './workshop.ts';

type Start = Omit<SourceInput, 'definitionId'>;

/**
 * News of a source for as long as its definition is this engine's. Where it came to be so after the source was started,
 * another engine has run it meanwhile: the journal hears first what that one has saved, and the source goes on from there.
 */
export function whileResumed(
  workshop: Workshop,
  definitionId: string,
  start: Start,
  news: (start: Start) => Observable<News>,
): Observable<News | Resumed> {
  const { duties } = workshop;
  if (duties.worker === null) return news(start);
  return duties.mine$(definitionDuty(definitionId)).pipe(
    switchMap((isMine, times) => {
      if (!isMine) return EMPTY;
      return times === 0 ? news(start) : resume(workshop, definitionId, start, news);
    }),
  );
}

function resume(
  { store, book, clock, log }: Workshop,
  definitionId: string,
  start: Start,
  news: (start: Start) => Observable<News>,
): Observable<News | Resumed> {
  return from(savedRuntime({ store, book }, definitionId)).pipe(
    catchError((error: unknown) => {
      log('warn', 'what another engine has saved of a definition cannot be read', {
        definition: definitionId,
        error: String(error),
      });
      return of(null);
    }),
    switchMap((record) => {
      if (record === null) return news(start);
      const told: Resumed = { type: 'source.resumed', at: clock.now(), record };
      return concat(of(told), news(startOf(record)));
    }),
  );
}

const startOf = ({ nextRetryAt, failures }: RuntimeRecord): Start => ({
  notBeforeAt: nextRetryAt,
  backoffStep: failures,
});
