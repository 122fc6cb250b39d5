import {
  type AlertAnswer,
  acknowledgeBody,
  alertParams,
  alertSchema,
  alertsQuery,
  alertTestBody,
  alertTestSchema,
} from './alerts.schema.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { changedBy } from './guard.ts';
import { ProblemError } from './problems.ts';
import { noQuery } from './query.schema.ts';
import { pageSchema } from './words.schema.ts';

/** What is wrong, who looks after it, and whether anybody can be told (journaling d.2). */
export function alertsRoutes(app: App, { alerts }: EngineApi): void {
  app.get('/v1/alerts', {
    schema: { querystring: alertsQuery, response: { 200: pageSchema(alertSchema) } },
    config: { access: 'read-status', summary: 'Alerts, newest first: all that are open, and those of the last week.' },
    handler: async ({ query }) => {
      const { limit, cursor } = query;
      // Ids sort by time, so a cursor stands though its alert may be gone.
      const found = alerts.all().filter((alert) => fits(alert, query) && (cursor === undefined || alert.id < cursor));
      const items = found.slice(0, limit);
      return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  });
  app.post('/v1/alerts/:id/acknowledge', {
    schema: { params: alertParams, querystring: noQuery, body: acknowledgeBody, response: { 200: alertSchema } },
    config: { access: 'change', summary: 'Somebody looks after it: nobody is asked again. Durable when answered.' },
    handler: async (request) => {
      const { actor } = changedBy({ caller: request.caller, body: null });
      const answer = await alerts.acknowledge(request.params.id, { actor, note: request.body?.note ?? null });
      if (answer === 'unknown') throw new ProblemError('not-found');
      if (answer === 'ended') throw new ProblemError('alert-ended');
      return answer;
    },
  });
  app.post('/v1/alerts/test', {
    schema: { querystring: noQuery, body: alertTestBody, response: { 200: alertTestSchema } },
    config: { access: 'change', summary: 'Sends a test through one channel, or all, and says what came of it.' },
    handler: async (request) => {
      const items = await alerts.test(request.body?.channel);
      if (items === undefined) throw new ProblemError('not-found', { detail: 'no channel has this name' });
      return { items: [...items], next: null };
    },
  });
}

const fits = (
  alert: AlertAnswer,
  { definition, kind, state }: { readonly [Name in 'definition' | 'kind' | 'state']?: string | undefined },
): boolean =>
  (definition === undefined || alert.definition === definition) &&
  (kind === undefined || alert.kind === kind) &&
  (state === undefined || alert.state === state);
