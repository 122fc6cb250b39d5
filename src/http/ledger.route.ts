import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { ledgerSchema } from './intake.schema.ts';
import { ProblemError } from './problems.ts';
import { ledgerQuery } from './query.schema.ts';

/** The conservation account (interface section 6, INV-3). The difference is worked out here, from what is answered. */
export function ledgerRoutes(app: App, api: EngineApi): void {
  app.get('/v1/ledger', {
    schema: { querystring: ledgerQuery, response: { 200: ledgerSchema } },
    config: { access: 'read-ledger', summary: 'What was received against what became of it; `difference` is 0.' },
    handler: async (request) => {
      const { definition, day } = request.query;
      if (definition !== undefined && api.definition(definition) === undefined)
        throw new ProblemError('definition-unknown');
      const sums = await api.ledger(definition, day);
      const { received, archived, matched, skipped, held, quarantined, inProcess } = sums;
      const difference = received - (archived + matched + skipped + held + quarantined + inProcess);
      return { definition: definition ?? null, day: day ?? null, ...sums, difference };
    },
  });
}
