import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, VirtualTimeScheduler } from 'rxjs';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Postgres as ClusterPostgres, openPostgres } from '../../src/cluster/postgres.ts';
import type { MasterKey } from '../../src/master-key.ts';
import { openCommitLog } from '../../src/store/commit-log.ts';
import type { LogRecord } from '../../src/store/commit-log.types.ts';
import { openSegmentBytes } from '../../src/store/segment-bytes.ts';
import { masterKey } from '../support/master-keys.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { openSharedLogFixture, type SharedLogFixtureOptions } from '../support/shared-log-fixture.ts';
import { SimServer } from '../support/sim-server.ts';
import { commitLogContract, type LogHome, type OpenedLog } from './commit-log.contract.ts';
import { rowsContract } from './shared-rows.contract.ts';

async function segmentHome(): Promise<LogHome> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-log-'));
  const opened: OpenedLog[] = [];
  const open = async (name: string): Promise<OpenedLog> => {
    const folded: LogRecord[] = [];
    const log = await openCommitLog({
      bytes: await openSegmentBytes({ directory: join(folder, name) }),
      now: () => Date.now(),
      foldedUpTo: null,
      fold: async (group) => void folded.push(...group),
    });
    opened.push({ log, folded });
    return { log, folded };
  };
  const first = await open('log');
  return {
    ...first,
    // One engine has a folder: another one has a copy.
    another: async () => {
      const name = `copy-${opened.length}`;
      await cp(join(folder, 'log'), join(folder, name), { recursive: true });
      return open(name);
    },
    remove: async () => {
      for (const { log } of opened) await log[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

commitLogContract('segments', segmentHome);

const sharedHome = async (
  postgres: ClusterPostgres,
  { openVault = null, master = null }: Partial<Pick<SharedLogFixtureOptions, 'openVault' | 'master'>> = {},
): Promise<LogHome> => {
  const fixture = await openSharedLogFixture({ postgres, openVault, master });
  let count = 1;
  return {
    ...(await fixture.open('worker-1')),
    another: async () => {
      count += 1;
      return fixture.open(`worker-${count}`);
    },
    remove: () => Promise.resolve(fixture[Symbol.asyncDispose]()),
  };
};
const packedHome = (postgres: ClusterPostgres, master: MasterKey | null = null): Promise<LogHome> => {
  const packs = new MemoryPacks();
  return sharedHome(postgres, { openVault: () => packs.open(), master });
};

const simulated = (): ClusterPostgres => new SimServer(asyncScheduler).reach();
commitLogContract('the database of the simulation', () => sharedHome(simulated()));
commitLogContract('the database of the simulation, bodies in packs', () => packedHome(simulated()));
commitLogContract('the database of the simulation, sealed', () => sharedHome(simulated(), { master: masterKey() }));
commitLogContract('the database of the simulation, sealed, bodies in packs', () =>
  packedHome(simulated(), masterKey()),
);
rowsContract('the database of the simulation', async () => {
  const time = new VirtualTimeScheduler();
  const server = new SimServer(time);
  return {
    postgres: server.reach(),
    pass: async (ms) => {
      time.frame += ms;
    },
    remove: async () => undefined,
  };
});

describe.skipIf(postgresLeftOut())('in a cluster', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  commitLogContract('PostgreSQL', () => sharedHome(openPostgres(server.url)));
  commitLogContract('PostgreSQL, bodies in packs', () => packedHome(openPostgres(server.url)));
  commitLogContract('PostgreSQL, sealed', () => sharedHome(openPostgres(server.url), { master: masterKey() }));
  rowsContract('PostgreSQL', async () => {
    const postgres = openPostgres(server.url);
    return {
      postgres,
      // Nobody turns its clock; what is to end by then is made to end so much sooner.
      pass: async (ms) => {
        const text = 'update daybook.tenure set expires = expires - make_interval(secs => $1)';
        await postgres.run({ text, values: [ms / 1_000] });
      },
      remove: () => Promise.resolve(postgres[Symbol.asyncDispose]()),
    };
  });
});
