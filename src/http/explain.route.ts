import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { explanationSchema } from './intake.schema.ts';
import { ProblemError } from './problems.ts';
import { explainQuery } from './query.schema.ts';

/** Dry runs at once: each holds a whole message in memory while it is read. */
const maxExplaining = 2;

/** `POST /v1/explain`: a message in, what would become of it out (interface section 6). */
export function explainRoutes(app: App, api: EngineApi, messageLimitBytes: number): void {
  // A scope of its own: only here a body may be a message, and as large as one.
  app.register(async (scope: App) => {
    const explaining = { count: 0 };
    scope.removeAllContentTypeParsers();
    const parser = { parseAs: 'buffer', bodyLimit: messageLimitBytes } as const;
    scope.addContentTypeParser('message/rfc822', parser, async (_request: unknown, body: Buffer) => body);
    scope.addHook('preParsing', async (_request, reply) => {
      if (explaining.count >= maxExplaining) throw new ProblemError('busy', { headers: { 'retry-after': '1' } });
      explaining.count += 1;
      // Comes once, whether it was answered or given up.
      reply.raw.once('close', () => {
        explaining.count -= 1;
      });
    });
    scope.post('/v1/explain', {
      schema: { querystring: explainQuery, response: { 200: explanationSchema } },
      config: {
        access: 'explain',
        summary: 'A dry run of one message: what would become of it and why. Changes nothing.',
        consumes: 'message/rfc822',
      },
      handler: async (request) => {
        if (!(request.body instanceof Uint8Array)) throw new ProblemError('media-type');
        const explanation = await api.explain(definitionFor(api, request.query.definition), request.body);
        if (explanation === undefined) throw new ProblemError('definition-unknown');
        return explanation;
      },
    });
  });
}

function definitionFor(api: EngineApi, named: string | undefined): string {
  if (named !== undefined) return named;
  const [only, another] = api.definitions();
  if (only !== undefined && another === undefined) return only.id;
  throw new ProblemError('invalid-request', { detail: 'query.definition: name one of `GET /v1/definitions`' });
}
