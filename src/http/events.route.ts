import type { LoggedEvent } from '../../streams/ports.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { type EventItem, eventSchema } from './intake.schema.ts';
import { eventsQuery } from './query.schema.ts';
import { isoOf, pageSchema } from './words.schema.ts';

/** The event log (interface section 7). */
export function eventsRoutes(app: App, api: EngineApi): void {
  app.get('/v1/events', {
    schema: { querystring: eventsQuery, response: { 200: pageSchema(eventSchema) } },
    config: { access: 'read-events', summary: 'The event log.' },
    handler: async (request) => {
      const { items, next } = await api.events.find({ ...request.query, cursor: request.query.cursor });
      return { items: items.map(eventItemOf), next };
    },
  });
}

export function eventItemOf(event: LoggedEvent): EventItem {
  const { seq, at, type, severity, actor, definitionId: definition, intakeId, entryId, data } = event;
  return { seq, at: isoOf(at), type, severity, actor, definition, intakeId, entryId, data };
}
