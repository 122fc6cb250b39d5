import type { EventLog, LoggedEvent } from '../../streams/ports.ts';
import type { CommitLog } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import { eventKey, lastPart } from './keys.ts';
import { newestFirst, pageOf } from './page.ts';

/** The event log (journaling d.6): written through the commit log, whose chain covers it, and read from the index. */
export function createEventLog(log: CommitLog, index: IndexDb): EventLog {
  return {
    append: async (draft) => {
      const { at, seq } = await log.append({ kind: 'event', facts: draft, payload: [] });
      return { seq, at, ...draft };
    },
    find: ({ definition, type, since, limit, cursor }) => {
      const wanted = (event: LoggedEvent): boolean => type === undefined || event.type === type;
      const events = definition === undefined ? index.event.values(newestFirst(cursor)) : of(index, definition, cursor);
      return pageOf(until(events, since ?? 0), limit, wanted, ({ seq }) => eventKey(seq));
    },
  };
}

async function* of(index: IndexDb, definitionId: string, cursor: string | undefined): AsyncGenerator<LoggedEvent> {
  for await (const key of index.eventBy.keys(newestFirst(cursor, definitionId))) {
    const event = await index.event.get(lastPart(key));
    if (event !== undefined) yield event;
  }
}

/** Events are in order of time, so the first one before `since` ends the reading. */
async function* until(events: AsyncIterable<LoggedEvent>, since: number): AsyncGenerator<LoggedEvent> {
  for await (const event of events) {
    if (event.at < since) return;
    yield event;
  }
}
