import { z } from 'zod';
import type { DefinitionChange, EngineApi, IfMatch, WriteRefusal } from './api.types.ts';
import type { App } from './app.types.ts';
import { definitionSchema, testResultSchema, withoutSecrets } from './definition.schema.ts';
import { changedBy, reportForbidden, writtenBy } from './guard.ts';
import { ProblemError } from './problems.ts';
import {
  changeBody,
  definitionParams,
  documentBody,
  listQuery,
  noQuery,
  removeQuery,
  testBody,
  writeQuery,
} from './query.schema.ts';
import { type Status, statusSchema } from './status.schema.ts';
import { pageSchema } from './words.schema.ts';

/** Journal definitions (interface section 7): read, made, changed, deleted, suspended, tested and polled. */
export function definitionsRoutes(app: App, api: EngineApi): void {
  app.get('/v1/definitions', {
    schema: { querystring: listQuery, response: { 200: pageSchema(definitionSchema) } },
    config: { access: 'read-status', summary: 'Every definition, secrets masked.' },
    handler: (request) => {
      const { limit, cursor } = request.query;
      const all = api.definitions();
      const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
      // Not the first page again: who reads all of them would never come to an end.
      if (cursor !== undefined && start === 0)
        throw new ProblemError('invalid-request', {
          detail: 'query.cursor: must be the `next` of an earlier answer, and that definition is gone: begin anew',
        });
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
  writeRoutes(app, api);
  connectionRoutes(app, api);
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

function connectionRoutes(app: App, api: EngineApi): void {
  app.post('/v1/definitions/:id/test', {
    schema: { params: definitionParams, querystring: noQuery, body: testBody, response: { 200: testResultSchema } },
    config: { access: 'change', summary: 'Runs the connection step by step; changes nothing.' },
    handler: async (request) => {
      const { peer, secure = false, authenticated = false } = request.body ?? {};
      const session = peer === undefined ? undefined : { peer, secure, authenticated };
      const answer = await api.test(request.params.id, changedBy({ caller: request.caller, body: null }), session);
      if (answer.kind === 'unknown') throw new ProblemError('definition-unknown');
      return answer.result;
    },
  });
  app.post('/v1/definitions/:id/poll', {
    schema: { params: definitionParams, querystring: noQuery, body: changeBody, response: { 200: statusSchema } },
    config: { access: 'change', summary: 'Empties the mailbox now instead of at the next poll or retry.' },
    handler: async (request) => statusAfter(await api.poll(request.params.id, changedBy(request))),
  });
}

function writeRoutes(app: App, api: EngineApi): void {
  app.put('/v1/definitions/:id', {
    schema: {
      params: definitionParams,
      querystring: writeQuery,
      body: documentBody,
      response: { 200: definitionSchema, 201: definitionSchema },
    },
    config: { access: 'change', summary: 'Makes a definition (201), or changes one whose version `If-Match` names.' },
    handler: async (request, reply) => {
      // What an answer adds to the document may come back with it.
      const { version: _version, provisioned: _provisioned, ...document } = request.body ?? {};
      const by = { ...writtenBy({ caller: request.caller, body: request.query }), ifMatch: ifMatchOf(request.headers) };
      const written = await api.put(request.params.id, document, by);
      if (written.kind !== 'created' && written.kind !== 'changed') throw writeProblem(api, request, written);
      const { definition } = written;
      reply.code(written.kind === 'created' ? 201 : 200).header('etag', `"${definition.version}"`);
      return withoutSecrets(definition);
    },
  });
  app.delete('/v1/definitions/:id', {
    schema: { params: definitionParams, querystring: removeQuery, response: { 204: z.null() } },
    config: { access: 'change', summary: 'Deletes a suspended definition; its mail and its archive stay.' },
    handler: async (request, reply) => {
      const { force = false } = request.query;
      const by = { ...writtenBy({ caller: request.caller, body: null }), ifMatch: ifMatchOf(request.headers), force };
      const written = await api.remove(request.params.id, by);
      if (written.kind !== 'removed') throw writeProblem(api, request, written);
      reply.code(204);
      return null;
    },
  });
}

/** `"3"`, `W/"3"` or `*`; what is none of them names no version that can stand. */
function ifMatchOf({ 'if-match': header }: { readonly 'if-match'?: string | undefined }): IfMatch {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  const [, version] = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header.trim()) ?? [];
  return version === undefined ? Number.NaN : Number(version);
}

export function writeProblem(
  api: EngineApi,
  request: Parameters<typeof reportForbidden>[1],
  written: WriteRefusal,
): ProblemError {
  if (written.kind === 'unknown') return new ProblemError('definition-unknown');
  if (written.kind === 'provisioned') return new ProblemError('definition-provisioned');
  if (written.kind === 'unmatched') return new ProblemError('version-required');
  if (written.kind === 'outdated') return new ProblemError('version-outdated');
  if (written.kind === 'refused') return new ProblemError('definition-refused', { detail: written.why });
  if (written.kind === 'forbidden') {
    reportForbidden(api, request);
    return new ProblemError('forbidden', { detail: written.why });
  }
  const errors = written.faults.map(({ path, text }) => ({ path, message: text }));
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new ProblemError('definition-invalid', { detail, members: { errors } });
}
