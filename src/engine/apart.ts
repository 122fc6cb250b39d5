import { filter, merge, mergeMap, type Observable, takeUntil } from 'rxjs';
import type { Whose } from '../../streams/spool.ts';
import { archiveDuty, gatewayDuty, onAllOrOwn } from './duties.ts';
import { processingNews } from './pipelines.ts';
import type { Workshop } from './workshop.ts';

/**
 * Runs the lines of mail that belongs to no journal: the gateway's, and what a removed definition left in custody or an
 * operator released of it since. Each begins with the first such item, and ends where the definition is made again.
 */
export function runApart(workshop: Workshop, stop$: Observable<void>): void {
  const { store, book, options } = workshop;
  const running = new Set<string | null>();
  const isApart = (id: string | null): boolean => id === null || book.get(id) === undefined;
  const start = (id: string | null): void => {
    if (running.has(id)) return;
    running.add(id);
    const madeAgain$ = book.changed$.pipe(filter(() => !isApart(id)));
    const line = (whose: Whose): Observable<unknown> =>
      processingNews(id, {
        ...workshop,
        whose,
        troubled: (detail) => workshop.troubled(id === null ? 'the gateway' : `definition ${id}`, detail),
      });
    onAllOrOwn(workshop.duties, id === null ? gatewayDuty : archiveDuty, line)
      .pipe(takeUntil(merge(stop$, madeAgain$)))
      .subscribe({ complete: () => running.delete(id) });
  };
  const waits = (id: string | null): boolean => store.figuresOf(id).queueMessages > 0;
  for (const id of [...book.orphans(), null]) if (waits(id) || (id === null && options.gateway !== null)) start(id);
  const removed$ = book.changed$.pipe(mergeMap(() => book.orphans().filter(waits)));
  merge(store.touched$.pipe(mergeMap(({ due }) => [...due])), removed$)
    .pipe(filter(isApart), takeUntil(stop$))
    .subscribe(start);
}
