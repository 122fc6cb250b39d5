import type { FastifyRequest } from 'fastify';
import { isAllowed } from './access.ts';
import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { writeProblem } from './definitions.route.ts';
import { withoutPeople } from './explain.route.ts';
import { dryRunSchema, reparseSchema } from './explain.schema.ts';
import { changedBy } from './guard.ts';
import { ProblemError } from './problems.ts';
import { definitionParams, documentBody, dryRunQuery, noQuery, reparseBody } from './query.schema.ts';

/** What another definition, or a newer parser, would have made of stored messages; the latter can be put in force. */
export function dryRunRoutes(app: App, api: EngineApi): void {
  let running = false;
  /** One at a time: each opens hundreds of messages, in the thread that explains. */
  const alone = async <T>(run: () => Promise<T>): Promise<T> => {
    if (running) throw new ProblemError('busy', { headers: { 'retry-after': '5' } });
    running = true;
    try {
      return await run();
    } finally {
      running = false;
    }
  };
  app.post('/v1/definitions/:id/dry-run', {
    schema: {
      params: definitionParams,
      querystring: dryRunQuery,
      body: documentBody,
      response: { 200: dryRunSchema },
    },
    config: {
      access: 'explain',
      summary: 'What this changed document would have made of the last messages of a definition. Changes nothing.',
    },
    handler: async (request) => {
      const { version: _version, provisioned: _provisioned, ...document } = request.body ?? {};
      const answer = await alone(() => api.dryRun(request.params.id, document, request.query));
      if (answer.kind !== 'done') throw writeProblem(api, request, answer);
      const asked = { definition: request.params.id, dryRun: request.query.last };
      return shownTo(api, request, { answer: answer.result, asked });
    },
  });
  app.post('/v1/intake/reparse', {
    schema: { querystring: noQuery, body: reparseBody, response: { 200: reparseSchema } },
    config: {
      access: 'explain',
      summary: 'What today’s parser would say otherwise of stored messages, newest first. Changes nothing.',
    },
    handler: async (request) => {
      const { limit = 100, cursor, ...filters } = request.body ?? {};
      const answer = await alone(() => api.reparse({ ...filters, limit, cursor }));
      return shownTo(api, request, { answer, asked: { ...filters, reparse: limit } });
    },
  });
  app.post('/v1/intake/reparse/apply', {
    schema: { querystring: noQuery, body: reparseBody, response: { 200: reparseSchema } },
    config: {
      access: 'reparse',
      summary:
        'Newer parses of the same messages take the place of older ones; repeat it with `next` until that is null.',
    },
    handler: async (request) => {
      const { limit = 100, cursor, ...filters } = request.body ?? {};
      const by = changedBy({ caller: request.caller, body: null });
      const answer = await alone(() => api.applyReparse({ ...filters, limit, cursor }, by));
      return shownTo(api, request, { answer, asked: { ...filters, reparse: limit } });
    },
  });
}

type Told = { readonly items: readonly { readonly changes: Parameters<typeof withoutPeople>[0] }[] };

/** Who is in the mail is for those who may read it, and that they did is an event. */
function shownTo<T extends Told>(
  api: Pick<EngineApi, 'accessed'>,
  request: Pick<FastifyRequest, 'caller' | 'ip'>,
  { answer, asked }: { readonly answer: T; readonly asked: Readonly<Record<string, unknown>> },
): T {
  if (isAllowed(request.caller?.role ?? null, 'read-intake-raw')) {
    if (answer.items.length > 0) api.accessed(accessOf(request, { kind: 'search', query: asked }));
    return answer;
  }
  return { ...answer, items: answer.items.map((item) => ({ ...item, changes: withoutPeople(item.changes) })) };
}
