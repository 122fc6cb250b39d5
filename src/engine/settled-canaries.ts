import { catchError, EMPTY, filter, from, mergeMap, type Observable, tap } from 'rxjs';
import type { News } from '../../streams/ports.ts';
import { ownReasons } from '../../streams/unwrap.ts';
import type { Workshop } from './workshop.ts';

type Told = Pick<Workshop, 'store' | 'duties' | 'watches' | 'log'>;

/** A canary that came back has been skipped by then, and is on disk. An engine by itself hears of it from its own line. */
export const tellCanaries =
  ({ watches, duties }: Pick<Told, 'watches' | 'duties'>, definitionId: string) =>
  (news: News): void => {
    if (duties.worker !== null || news.type !== 'processing.settled') return;
    for (const { reason, intakeId } of news.settlements)
      if (reason === ownReasons.canary) watches.canaries?.arrived(definitionId, intakeId);
  };

/** The same of a cluster, where who has taken a canary settles it, and another engine may have sent it: the log tells both. */
export function canariesOfAll({ store, watches, log }: Told): Observable<unknown> {
  return store.touched$.pipe(
    mergeMap(({ ended = [] }) => ended),
    filter(({ reason }) => reason === ownReasons.canary),
    mergeMap(({ intakeId }) =>
      from(store.intake.get(intakeId)).pipe(
        catchError((error: unknown) => {
          log('warn', 'a canary that came back cannot be read', { item: intakeId, error: String(error) });
          return EMPTY;
        }),
      ),
    ),
    tap((record) => {
      if (record?.definitionId != null) watches.canaries?.arrived(record.definitionId, record.intakeId);
    }),
  );
}
