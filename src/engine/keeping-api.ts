import { retentionMsOf } from '../config/to-options.ts';
import type { ChangedBy } from '../http/api.types.ts';
import type { KeepingApi } from '../http/keeping.types.ts';
import { periodAt } from '../store/keep-period.ts';
import type { Store } from '../store/open-store.ts';
import { isoTime } from '../time-words.ts';
import { engineEvent } from './definition-events.ts';
import type { Workshop } from './workshop.ts';

const dayMs = 86_400_000;

/** What the API does about how long mail is kept: holds, erasure, and where retention stands. */
export function createKeepingApi({
  store,
  book,
  live,
  clock,
}: Pick<Workshop, 'store' | 'book' | 'live' | 'clock'>): KeepingApi {
  const { holds, retention } = store;
  return {
    holds: {
      all: () => holds.all(),
      get: (id) => holds.get(id),
      on: (entries) => holds.on(entries),
      place: async (wanted, by) => {
        const hold = { ...wanted, placedBy: by.actor };
        const { id, reason, query, entryIds } = wanted;
        const event = changeEvent('hold.placed', by, { hold: id, reason, query, entries: entryIds.length });
        const answer = await holds.place(hold, event);
        return answer === 'done' ? ((await holds.get(id)) ?? 'exists') : answer;
      },
      lift: (id, by) => holds.lift(id, changeEvent('hold.lifted', by, { hold: id, reason: by.reason })),
    },
    erase: (entryId, by) =>
      retention.erase(entryId, { ...changeEvent('message.erased', by, { reason: by.reason }), entryId }),
    resume: async (by) => retention.resume(changeEvent('retention.resumed', by, { reason: by.reason })),
    retention: async () => {
      const now = clock.now();
      const leap = retention.leapAt(now);
      const configured = book.all().map(({ id, config }) => ({ definition: id, ms: retentionMsOf(config) }));
      const { gateway } = live.current;
      const all = [...configured, ...(gateway === null ? [] : [{ definition: null, ms: gateway.retentionMs }])];
      return {
        paused: leap === null ? null : { from: isoTime(leap.from), to: isoTime(leap.to) },
        items: await Promise.all(
          all.map(async ({ definition, ms }) => {
            const inForce = periodAt(await retention.said(definition), now);
            return { definition, days: daysOf(ms), inForceDays: daysOf(inForce) };
          }),
        ),
      };
    },
    deleted: () =>
      deletedOf(
        store,
        book.all().map(({ id }) => id),
      ),
  };
}

const daysOf = (ms: number | null): number | null => (ms === null ? null : ms / dayMs);

const changeEvent = (type: string, { actor }: ChangedBy, data: Readonly<Record<string, unknown>>) => ({
  ...engineEvent(type, data),
  actor,
});

function deletedOf(store: Pick<Store, 'figuresOf'>, ids: readonly string[]) {
  return [...ids, null].flatMap((definition) =>
    Object.entries(store.figuresOf(definition).deleted ?? {}).map(([rule, count]) => ({ definition, rule, count })),
  );
}
