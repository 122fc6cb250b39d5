import { afterAll, beforeAll, describe } from 'vitest';
import type { MasterKey } from '../../src/master-key.ts';
import { outcomes } from '../../streams/message.ts';
import { archiveContract } from '../contracts/archive.contract.ts';
import { spoolContract } from '../contracts/spool.contract.ts';
import type { OpenHome } from '../contracts/store-home.ts';
import { openClusterFixture, takeInto } from '../support/cluster-fixture.ts';
import { masterKey } from '../support/master-keys.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { minute } from '../support/stream-shapes.ts';

/** The ports of the store of a cluster promise what those of files do. */
describe.skipIf(postgresLeftOut())('in a cluster', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const openWith = async (master: MasterKey | null): ReturnType<OpenHome> => {
    // Records have the time of the database, which nobody sets: what is woken must be due by then.
    const now = Date.now() + minute;
    const fixture = await openClusterFixture({ postgres: postgres.url, now: () => now });
    const store = await fixture.open('one', { master });
    return {
      spool: store.spool,
      archive: store.archive,
      now,
      take: (intakeId, { definitionId = 'exchange', at = now } = {}) => takeInto(store, intakeId, { definitionId, at }),
      entry: (id) => store.messages.get(id),
      outcome: async (id) => {
        const state = (await store.intake.get(id))?.state;
        return outcomes.find((outcome) => outcome === state);
      },
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  };
  for (const [name, master] of [
    ['PostgreSQL', null],
    ['PostgreSQL, sealed', masterKey()],
  ] as const) {
    spoolContract(name, () => openWith(master));
    archiveContract(name, () => openWith(master));
  }
});
