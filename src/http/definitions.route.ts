import type { DefinitionChange, EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { definitionSchema, withoutSecrets } from './definition.schema.ts';
import { changedBy } from './guard.ts';
import { ProblemError } from './problems.ts';
import { changeBody, definitionParams, listQuery, noQuery } from './query.schema.ts';
import { type Status, statusSchema } from './status.schema.ts';
import { pageSchema } from './words.schema.ts';

/** Journal definitions (interface section 7). Their truth is the configuration file; the API suspends and activates. */
export function definitionsRoutes(app: App, api: EngineApi): void {
  app.get('/v1/definitions', {
    schema: { querystring: listQuery, response: { 200: pageSchema(definitionSchema) } },
    config: { access: 'read-status', summary: 'Every definition, secrets masked.' },
    handler: (request) => {
      const { limit, cursor } = request.query;
      const all = api.definitions();
      const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
      const items = all.slice(start, start + limit).map(withoutSecrets);
      const last = items.at(-1);
      return { items, next: last !== undefined && start + limit < all.length ? last.id : null };
    },
  });
  app.get('/v1/definitions/:id', {
    schema: { params: definitionParams, querystring: noQuery, response: { 200: definitionSchema } },
    config: { access: 'read-status', summary: 'One definition, secrets masked; its version is the ETag.' },
    handler: (request, reply) => {
      const definition = api.definition(request.params.id);
      if (definition === undefined) throw new ProblemError('definition-unknown');
      reply.header('etag', `"${definition.version}"`);
      return withoutSecrets(definition);
    },
  });
  suspensionRoutes(app, api);
  provisionedRoutes(app, api);
}

function suspensionRoutes(app: App, api: EngineApi): void {
  const schema = { params: definitionParams, querystring: noQuery, body: changeBody, response: { 200: statusSchema } };
  app.post('/v1/definitions/:id/suspend', {
    schema,
    config: { access: 'change', summary: 'Stops taking mail; what is in process goes on. In force when answered.' },
    handler: async (request) => statusAfter(await api.suspend(request.params.id, changedBy(request))),
  });
  app.post('/v1/definitions/:id/activate', {
    schema,
    config: { access: 'change', summary: 'Takes mail again. In force when answered.' },
    handler: async (request) => statusAfter(await api.activate(request.params.id, changedBy(request))),
  });
}

function statusAfter(change: DefinitionChange): Status {
  if (change.kind === 'unknown') throw new ProblemError('definition-unknown');
  if (change.kind === 'refused') throw new ProblemError('definition-refused', { detail: change.why });
  return change.status;
}

/** Changing and deleting: refused, since every definition is provisioned. */
function provisionedRoutes(app: App, api: EngineApi): void {
  const schema = { params: definitionParams };
  app.put('/v1/definitions/:id', {
    schema,
    config: { access: 'change', summary: 'Refused: definitions come from the configuration file.' },
    handler: () => {
      throw new ProblemError('definition-provisioned');
    },
  });
  app.delete('/v1/definitions/:id', {
    schema,
    config: { access: 'change', summary: 'Refused: definitions come from the configuration file.' },
    handler: (request) => {
      const known = api.definition(request.params.id) !== undefined;
      throw new ProblemError(known ? 'definition-provisioned' : 'definition-unknown');
    },
  });
}
