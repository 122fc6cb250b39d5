import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { gapsSchema } from './gaps.schema.ts';
import { ProblemError } from './problems.ts';
import { ledgerQuery } from './query.schema.ts';

/** People whom headers name and no journal report does (journaling N5). */
export function gapsRoutes(app: App, api: EngineApi): void {
  app.get('/v1/gaps', {
    schema: { querystring: ledgerQuery, response: { 200: gapsSchema } },
    config: { access: 'read-messages', summary: 'People whom the headers of a day name, and no journal report does.' },
    handler: async (request) => {
      const { definition, day } = request.query;
      if (definition !== undefined && api.definition(definition) === undefined)
        throw new ProblemError('definition-unknown');
      const found = await api.gaps(day, definition);
      if (found === undefined) throw new ProblemError('not-found');
      api.accessed(accessOf(request, { kind: 'search', query: { gaps: found.day, ...request.query } }));
      return found;
    },
  });
}
