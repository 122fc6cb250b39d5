import type { Hold } from '../../streams/keeping.ts';
import { isoTime } from '../time-words.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { changedBy } from './guard.ts';
import {
  type HoldAnswer,
  holdBody,
  holdListSchema,
  holdParams,
  holdSchema,
  resumeBody,
  retentionSchema,
} from './keeping.schema.ts';
import { ProblemError } from './problems.ts';
import { changeBody, noQuery } from './query.schema.ts';

/** Legal holds, and where retention stands. */
export function keepingRoutes(app: App, { keeping }: EngineApi): void {
  holdRoutes(app, keeping);
  app.get('/v1/retention', {
    schema: { querystring: noQuery, response: { 200: retentionSchema } },
    config: { access: 'read-holds', summary: 'How long mail of each definition is kept, and whether that is paused.' },
    handler: async () => keeping.retention(),
  });
  app.post('/v1/retention/resume', {
    schema: { querystring: noQuery, body: resumeBody, response: { 200: retentionSchema } },
    config: { access: 'delete', summary: 'The clock is right, though it leapt: mail past its time is deleted again.' },
    handler: async (request) => {
      await keeping.resume(changedBy(request));
      return keeping.retention();
    },
  });
}

function holdRoutes(app: App, { holds }: EngineApi['keeping']): void {
  app.get('/v1/holds', {
    schema: { querystring: noQuery, response: { 200: holdListSchema } },
    config: { access: 'read-holds', summary: 'Every legal hold; there are 1,000 at most.' },
    handler: async () => ({ items: (await holds.all()).map(holdOf), next: null }),
  });
  app.get('/v1/holds/:id', {
    schema: { params: holdParams, querystring: noQuery, response: { 200: holdSchema } },
    config: { access: 'read-holds', summary: 'One legal hold.' },
    handler: async (request) => {
      const hold = await holds.get(request.params.id);
      if (hold === undefined) throw new ProblemError('not-found');
      return holdOf(hold);
    },
  });
  app.post('/v1/holds', {
    schema: { querystring: noQuery, body: holdBody, response: { 201: holdSchema } },
    config: { access: 'delete', summary: 'Places a legal hold: what it names is not deleted. In force when answered.' },
    handler: async (request, reply) => {
      const { id, reason, query = null, entries = [] } = request.body;
      const placed = await holds.place({ id, reason, query, entryIds: entries }, changedBy(request));
      if (placed === 'exists') throw new ProblemError('hold-exists');
      if (placed === 'too-many') throw new ProblemError('hold-exists', { detail: 'there are 1,000 holds already' });
      reply.code(201);
      return holdOf(placed);
    },
  });
  app.delete('/v1/holds/:id', {
    schema: { params: holdParams, querystring: noQuery, body: changeBody },
    config: { access: 'delete', summary: 'Lifts a hold: what only it kept may be deleted again.' },
    handler: async (request, reply) => {
      if ((await holds.lift(request.params.id, changedBy(request))) === 'unknown') throw new ProblemError('not-found');
      return reply.code(204).send();
    },
  });
}

function holdOf({ id, reason, query, entryIds, placedAt, placedBy }: Hold): HoldAnswer {
  return {
    id,
    reason,
    query: query === null ? null : filtersOf(query),
    entries: entryIds,
    placedAt: isoTime(placedAt),
    placedBy,
  };
}

function filtersOf({ since, until, ...words }: NonNullable<Hold['query']>): NonNullable<HoldAnswer['query']> {
  return {
    ...words,
    ...(since === undefined ? {} : { since: isoTime(since) }),
    ...(until === undefined ? {} : { until: isoTime(until) }),
  };
}
