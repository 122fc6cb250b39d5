import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLogSeal } from '../../src/cluster/log-key.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { createSharedDocuments } from '../../src/cluster/shared-documents.ts';
import { release, seek } from '../../src/cluster/tenure-rows.ts';
import { definitionTenure } from '../../src/cluster/tenures.ts';
import type { MasterKey } from '../../src/master-key.ts';
import type { RecordDraft } from '../../src/store/commit-log.types.ts';
import { masterKey } from '../support/master-keys.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { mailDraft, openSharedLogFixture } from '../support/shared-log-fixture.ts';

const keys: readonly [string, MasterKey | null][] = [
  ['in clear', null],
  ['encrypted', masterKey('one')],
];

describe.skipIf(postgresLeftOut())('mail of a mailbox in a shared log', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** An item of the mailbox of this definition. */
  function fetched(definitionId: string, uidl: string): RecordDraft {
    const draft = mailDraft(Buffer.from(`mail ${uidl}`), { told: uidl });
    const targets = [{ definitionId, definitionVersion: 1, intakeId: uidl }];
    const listed = { key: `uid:${uidl}`, size: 7, headerSha256: 'of its headers' };
    return { ...draft, facts: { ...(draft.facts as object), targets, listed, sha256: 'of it', receivedAt: 3 } };
  }

  /** One worker that empties the mailboxes `a` and `b`; `lose` gives one to another, without its knowing. */
  async function set({ inDatabase = true, master = null as MasterKey | null } = {}) {
    await server.asAdmin('drop schema if exists daybook cascade');
    const tokens = new Map<string, string>();
    const tokenOf = (id: string) => tokens.get(id) ?? null;
    const packs = new MemoryPacks();
    const openVault = inDatabase ? null : () => packs.open();
    const fixture = await openSharedLogFixture({ postgres: openPostgres(server.url), openVault, master, tokenOf });
    const { postgres, id: log, name } = fixture;
    const take = (worker: string, id: string) => seek({ postgres, log, worker }, [definitionTenure(id)], 60_000);
    for (const id of ['a', 'b']) for (const token of (await take('one', id)).values()) tokens.set(id, token);
    const seal = await openLogSeal({ postgres, rows: await openLogRows(postgres, name) }, master);
    return {
      fixture,
      log: (await fixture.open('one')).log,
      ledgerOf: (id: string) => createSharedDocuments({ postgres, log, seal, tokenOf }).readUidl(id),
      lose: async (id: string) => {
        await release({ postgres, log, worker: 'one' }, [tokens.get(id) ?? '']);
        await take('two', id);
      },
    };
  }

  test.each(keys)('is in its ledger with its record (%s)', async (_, master) => {
    const { fixture, log, ledgerOf } = await set({ master });
    await using _fixture = fixture;
    await Promise.all([
      log.append(fetched('a', 'one')),
      log.append(fetched('b', 'two')),
      log.append(fetched('a', 'three')),
    ]);
    const entry = { state: 'fetched', listSize: 7, headerSha256: 'of its headers', rawSha256: 'of it', at: 3 };
    const kept = { ...entry, failures: 0, reason: null };
    expect(await ledgerOf('a')).toEqual(new Map(['one', 'three'].map((uidl) => [`uid:${uidl}`, kept])));
    expect(await ledgerOf('b')).toEqual(new Map([['uid:two', kept]]));
    const stored = await server.asAdmin<{ value: string }>('select value from daybook.document');
    expect(stored).toHaveLength(3);
    for (const { value } of stored) expect(value.includes('fetched')).toBe(master === null);
  });

  test.each([true, false])(
    'is refused where another worker has the mailbox by now, and that alone (bodies in the database: %s)',
    async (inDatabase) => {
      const { fixture, log, ledgerOf, lose } = await set({ inDatabase });
      await using _fixture = fixture;
      await log.append(fetched('a', 'before'));
      await lose('a');
      const said = await Promise.allSettled([
        log.append(mailDraft(Buffer.from('pushed'), { told: 'pushed' })),
        log.append(fetched('a', 'late')),
        log.append(fetched('b', 'in time')),
      ]);
      expect(said.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(said[1]).toMatchObject({
        reason: { code: 'store-failed', message: expect.stringContaining('another worker holds a') },
      });
      expect([...(await ledgerOf('a')).keys(), ...(await ledgerOf('b')).keys()]).toEqual(['uid:before', 'uid:in time']);
      expect(log.head.seq).toBe(3);
      const bodies = await server.asAdmin('select body from daybook.body');
      expect(bodies).toHaveLength(inDatabase ? 3 : 0);
    },
  );
});
