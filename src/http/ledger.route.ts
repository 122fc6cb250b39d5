import type { EngineApi, LedgerSums } from './api.types.ts';
import type { App } from './app.types.ts';
import { ledgerSchema } from './intake.schema.ts';
import { ProblemError } from './problems.ts';
import { ledgerDaysQuery, ledgerQuery } from './query.schema.ts';
import { pageSchema } from './words.schema.ts';

/** How many days a page of the account has where nobody says. */
const ledgerPage = 31;

/** The conservation account (interface section 6, INV-3). The difference is worked out here, from what is answered. */
export function ledgerRoutes(app: App, api: EngineApi): void {
  app.get('/v1/ledger', {
    schema: { querystring: ledgerQuery, response: { 200: ledgerSchema } },
    config: { access: 'read-ledger', summary: 'What was received against what became of it; `difference` is 0.' },
    handler: async (request) => {
      const { definition, day } = request.query;
      await requireAccount(definition, api);
      const sums = await api.ledger(definition, day);
      return { definition: definition ?? null, day: day ?? null, ...sums, difference: differenceOf(sums) };
    },
  });
  app.get('/v1/ledger/days', {
    schema: { querystring: ledgerDaysQuery, response: { 200: pageSchema(ledgerSchema) } },
    config: { access: 'read-ledger', summary: 'The same for each day on which something was received.' },
    handler: async (request) => {
      const { definition, limit, cursor } = request.query;
      await requireAccount(definition, api);
      const { items, next } = await api.ledgerDays(definition, { limit: limit ?? ledgerPage, cursor });
      const rows = items.map((sums) => ({ definition: definition ?? null, ...sums, difference: differenceOf(sums) }));
      return { items: rows, next };
    },
  });
}

/** What came for a definition is accounted for after it was deleted too. @throws ProblemError for one that never was */
async function requireAccount(definition: string | undefined, api: EngineApi): Promise<void> {
  if (definition === undefined || api.definition(definition) !== undefined) return;
  const { received } = await api.ledger(definition, undefined);
  if (received === 0) throw new ProblemError('definition-unknown');
}

function differenceOf(sums: LedgerSums): number {
  const { received, archived, matched, skipped, held, quarantined, inProcess } = sums;
  return received - (archived + matched + skipped + held + quarantined + inProcess);
}
