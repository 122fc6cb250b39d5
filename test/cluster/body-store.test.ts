import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { Store } from '../../src/store/open-store.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { type ClusterFixture, openClusterFixture, takeInto } from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { value } from '../support/store-fixture.ts';
import { minute } from '../support/stream-shapes.ts';

const now = Date.now() + minute;

/** A vault whose answers wait, or fail, as the test says. */
function gated(packs: MemoryPacks) {
  const vault = packs.open();
  let gate: Promise<void> = Promise.resolve();
  let open = (): void => undefined;
  let calls = 0;
  return {
    vault: {
      ...vault,
      store: async (payloads) => {
        calls += 1;
        await gate;
        return vault.store(payloads);
      },
    } satisfies Vault,
    calls: () => calls,
    shut: (): void => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: (): void => open(),
    fail: (): void => {
      gate = Promise.reject(new EngineFailure('store-failed', 'the object storage is away'));
      gate.catch(() => undefined);
    },
    mend: (): void => {
      gate = Promise.resolve();
    },
  };
}

describe.skipIf(postgresLeftOut())('bodies in object storage', () => {
  let postgres: Postgres;
  let cluster: ClusterFixture;
  let store: Store;
  let packs: MemoryPacks;
  let storage: ReturnType<typeof gated>;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    packs = new MemoryPacks();
    storage = gated(packs);
    cluster = await openClusterFixture({ postgres: postgres.url, now: () => now });
    store = await cluster.open('one', { openVault: async () => storage.vault });
  });
  afterEach(async () => {
    storage.open();
    await cluster[Symbol.asyncDispose]();
  });

  const event = {
    type: 'engine.test',
    severity: 'info',
    actor: 'test',
    definitionId: null,
    intakeId: null,
    entryId: null,
    data: {},
  } as const;
  const read = async (of: Store, id: string): Promise<string> => {
    const found = await of.intake.get(id);
    return Buffer.from(await value(of.bodies.read(found?.body ?? [], 'identity', found?.sha256 ?? ''))).toString();
  };

  test('a message is acknowledged once its bytes are there, and every worker reads them', async () => {
    storage.shut();
    let acknowledged = false;
    const taking = takeInto(store, 'slow', { at: now, text: 'worth the wait' }).then(() => {
      acknowledged = true;
    });
    await eventually(async () => storage.calls() === 1);
    expect([acknowledged, await store.intake.get('slow')]).toEqual([false, undefined]);
    storage.open();
    await taking;
    const other = await cluster.open('two', { openVault: async () => packs.open() });
    expect(await read(other, 'slow')).toBe('worth the wait');
    const rows = await postgres.query<{ bodies: string }>('select count(*) as bodies from daybook.body');
    expect(rows[0]?.bodies).toBe('0');
  });

  test('what has no body waits for no object storage', async () => {
    storage.shut();
    const taking = takeInto(store, 'slow', { at: now });
    await eventually(async () => storage.calls() === 1);
    await value(store.events.append(event));
    expect((await store.events.find({ limit: 10, cursor: undefined })).items).toHaveLength(1);
    expect(store.log.waiting).toEqual({ count: 1, since: now, bodySince: now });
    storage.open();
    await taking;
    expect(store.log.waiting).toEqual({ count: 0, since: null });
  });

  test('a storage that is away refuses mail, and mail alone; when it is back mail is taken again', async () => {
    storage.fail();
    await expect(takeInto(store, 'lost', { at: now })).rejects.toMatchObject({ code: 'store-failed', retryable: true });
    await value(store.events.append(event));
    storage.mend();
    await takeInto(store, 'again', { at: now, text: 'as before' });
    expect(await read(store, 'again')).toBe('as before');
    expect(await store.intake.get('lost')).toBeUndefined();
  });

  test('messages that wait together share a pack, and a group in process is written before the log is closed', async () => {
    storage.shut();
    const first = takeInto(store, 'first', { at: now });
    await eventually(async () => storage.calls() === 1);
    const others = Array.from({ length: 20 }, (_, at) => takeInto(store, `other-${at}`, { at: now }));
    storage.open();
    await Promise.all([first, ...others]);
    expect(packs.packs.size).toBe(2);
    storage.shut();
    const last = takeInto(store, 'last', { at: now });
    await eventually(async () => storage.calls() === 3);
    const closing = store[Symbol.asyncDispose]();
    storage.open();
    await Promise.all([last, closing]);
    const again = await cluster.open('one', { openVault: async () => packs.open() });
    expect(await read(again, 'last')).toBe('last');
  });
});
