import { EMPTY, filter, map, type Observable } from 'rxjs';
import type { News } from '../../streams/ports.ts';
import type { Workshop } from './workshop.ts';

/** News of mail for a definition that another engine of the cluster has taken: the silence of its sender is at an end too. */
export function takenElsewhere({ store, duties, clock }: Workshop, definitionId: string): Observable<News> {
  if (duties.worker === null) return EMPTY;
  let received = store.figuresOf(definitionId).received;
  return store.touched$.pipe(
    filter(({ definitions }) => definitions.has(definitionId)),
    map(({ elsewhere = false }) => {
      const before = received;
      received = store.figuresOf(definitionId).received;
      return elsewhere ? received - before : 0;
    }),
    filter((count) => count > 0),
    map((count) => ({ type: 'source.extracted', at: clock.now(), count }) as const),
  );
}
