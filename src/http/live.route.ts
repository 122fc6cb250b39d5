import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { definitionFormSchema, historySchema, statechartSchema } from './live.schema.ts';
import { noQuery } from './query.schema.ts';

/** What the console draws from: the last hour, the statechart, and the form of a definition. */
export function liveRoutes(app: App, api: EngineApi): void {
  app.get('/v1/history', {
    schema: { querystring: noQuery, response: { 200: historySchema } },
    config: {
      access: 'read-status',
      summary: 'What each definition received and settled in the last hour, by minute.',
    },
    handler: () => api.history(),
  });
  app.get('/v1/statechart', {
    schema: { querystring: noQuery, response: { 200: statechartSchema } },
    config: {
      access: 'read-status',
      summary: 'The chart that every definition lives by; `machine` of a status is in it.',
    },
    handler: () => api.statechart(),
  });
  app.get('/v1/definition-form', {
    schema: { querystring: noQuery, response: { 200: definitionFormSchema } },
    config: { access: 'read-status', summary: "The schema of a definition's document, and the order of its form." },
    handler: () => api.definitionForm(),
  });
}
