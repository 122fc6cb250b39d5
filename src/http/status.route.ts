import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { isUnchanged } from './etag.ts';
import { ProblemError } from './problems.ts';
import { definitionParams, healthQuery, noQuery } from './query.schema.ts';
import {
  aliveSchema,
  engineStatusSchema,
  type HealthState,
  healthSchema,
  healthStates,
  readySchema,
  statusSchema,
  unchangedSchema,
} from './status.schema.ts';

const tagged = ' With `If-None-Match` and the ETag of an earlier answer, 304 while nothing but the time has changed.';

/** Status and health (interface section 4). Answered from current figures; waits for nothing. */
export function statusRoutes(app: App, api: EngineApi): void {
  app.get('/v1/status', {
    schema: { querystring: noQuery, response: { 200: engineStatusSchema, 304: unchangedSchema } },
    config: { access: 'read-status', summary: `The engine and every definition.${tagged}` },
    handler: (request, reply) => {
      const status = api.status();
      const { now: _now, ...engine } = status.engine;
      return isUnchanged(request, reply, { ...status, engine }) ? undefined : status;
    },
  });
  app.get('/v1/definitions/:id/status', {
    schema: { params: definitionParams, querystring: noQuery, response: { 200: statusSchema, 304: unchangedSchema } },
    config: { access: 'read-status', summary: `One definition.${tagged}` },
    handler: (request, reply) => {
      const status = api.statusOf(request.params.id);
      if (status === undefined) throw new ProblemError('definition-unknown');
      return isUnchanged(request, reply, status) ? undefined : status;
    },
  });
  healthRoutes(app, api);
}

function healthRoutes(app: App, api: EngineApi): void {
  app.get('/healthz', {
    schema: { response: { 200: aliveSchema } },
    config: { access: 'public', summary: '200 while the process runs.' },
    handler: () => ({ status: 'alive' }) as const,
  });
  app.get('/readyz', {
    schema: { response: { 200: readySchema } },
    config: { access: 'public', summary: '200 once every listener is bound and the store is open, else 503.' },
    handler: () => {
      const { ready, missing } = api.readiness();
      if (!ready) throw new ProblemError('not-ready', { detail: missing.join(', '), members: { ready, missing } });
      return { ready, missing };
    },
  });
  app.get('/v1/health', {
    schema: { querystring: healthQuery, response: { 200: healthSchema, 503: healthSchema } },
    config: { access: 'read-status', summary: 'Health of each component; with `strict` anything but healthy is 503.' },
    handler: async (request, reply) => {
      const components = api.health();
      const status = worstOf(components.map((component) => component.status));
      if (request.query.strict === true && status !== 'healthy') reply.code(503);
      return { status, components };
    },
  });
}

function worstOf(states: readonly HealthState[]): HealthState {
  return healthStates.toReversed().find((state) => states.includes(state)) ?? 'healthy';
}
