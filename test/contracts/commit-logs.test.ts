import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Vault } from '../../src/cluster/vault.types.ts';
import { openCommitLog } from '../../src/store/commit-log.ts';
import type { LogRecord } from '../../src/store/commit-log.types.ts';
import { openSegmentBytes } from '../../src/store/segment-bytes.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { openSharedLogFixture } from '../support/shared-log-fixture.ts';
import { commitLogContract, type LogHome, type OpenedLog } from './commit-log.contract.ts';

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

describe.skipIf(postgresLeftOut())('in a cluster', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const sharedHome = async (openVault: (() => Vault) | null): Promise<LogHome> => {
    const fixture = await openSharedLogFixture({ url: server.url, openVault });
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
  commitLogContract('PostgreSQL', () => sharedHome(null));
  commitLogContract('PostgreSQL, bodies in packs', () => {
    const packs = new MemoryPacks();
    return sharedHome(() => packs.open());
  });
});
