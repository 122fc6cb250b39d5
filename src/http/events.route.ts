import type { LoggedEvent } from '../../streams/ports.ts';
import { isoTime } from '../time-words.ts';
import { isAllowed, type Role } from './access.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { type EventItem, eventSchema } from './intake.schema.ts';
import { eventsQuery } from './query.schema.ts';
import { pageSchema } from './words.schema.ts';

/** The event log (interface section 7). */
export function eventsRoutes(app: App, api: EngineApi): void {
  app.get('/v1/events', {
    schema: { querystring: eventsQuery, response: { 200: pageSchema(eventSchema) } },
    config: {
      access: 'read-events',
      summary:
        'The event log. Headers of mail, what was searched for or held, and why, are null for the role operator.',
    },
    handler: async (request) => {
      const { items, next } = await api.events.find({ ...request.query, cursor: request.query.cursor });
      const { role = null } = request.caller ?? {};
      return { items: items.map((event) => eventItemOf(event, role)), next };
    },
  });
}

/** What of an event's data is mail, or tells who looks for which: for those alone who may read mail. */
const mailIn: Readonly<Record<string, readonly string[]>> = {
  'pop3.blocked': ['headers'],
  'too-large': ['mailFrom'],
  'messages.searched': ['query'],
  'messages.exported': ['query'],
  'hold.placed': ['query', 'reason'],
  'hold.lifted': ['reason'],
  'message.erased': ['reason'],
};

/** An event as this role may see it; what it may not stands as null. */
export function eventItemOf(event: LoggedEvent, role: Role | null): EventItem {
  const { seq, at, type, severity, definitionId: definition, intakeId, entryId } = event;
  const hidden = isAllowed(role, 'read-messages') ? [] : (mailIn[type] ?? []);
  const data = { ...event.data, ...Object.fromEntries(hidden.map((name) => [name, null])) };
  return { seq, at: isoTime(at), type, severity, actor: actorOf(event), definition, intakeId, entryId, data };
}

/** The log names an actor for every event; a try that was denied without a token that we know is nobody's. */
const actorOf = ({ type, actor, data }: LoggedEvent): string | null =>
  type === 'access.denied' && data['actor'] === null ? null : actor;
