import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finishBack } from '../../src/cluster/migrate-back.ts';
import { dropInCluster } from '../../src/cluster/migrate-drop.ts';
import { copyIn, finishMove } from '../../src/cluster/migrate-in.ts';
import { verifyMove } from '../../src/cluster/migrate-verify.ts';
import type { Vault, VaultRef } from '../../src/cluster/vault.types.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { openClusterFixture } from '../support/cluster-fixture.ts';
import {
  bytesOf,
  fillArchive,
  keyNames,
  messageText,
  moveParts,
  noPause,
  openFiles,
  openPlace,
  pictureOf,
} from '../support/moved-archive.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { openStoreFixture } from '../support/store-fixture.ts';

/** Packs in memory, one for each call. */
class Packs implements Vault {
  readonly packs = new Map<string, Buffer>();
  #made = 0;

  store: Vault['store'] = async (payloads) => {
    this.#made += 1;
    const pack = `pack-${this.#made}`;
    let at = 0;
    const refs = payloads.map((pieces): VaultRef => {
      const { length } = Buffer.concat(pieces);
      at += length;
      return { pack, at: at - length, length };
    });
    this.packs.set(pack, Buffer.concat(payloads.flat()));
    return refs;
  };
  read: Vault['read'] = async ({ pack, at }, offset, length) => {
    const bytes = this.packs.get(pack);
    if (bytes === undefined) throw new EngineFailure('missing', pack);
    return bytes.subarray(at + offset, at + offset + length);
  };
  lockedUntil: Vault['lockedUntil'] = async () => null;
  remove: Vault['remove'] = async (packs) => {
    for (const pack of packs) this.packs.delete(pack);
  };
  async *list(): AsyncGenerator<string> {
    yield* this.packs.keys();
  }
  async answers(): Promise<void> {}
  hurry(): void {}
  async [Symbol.asyncDispose](): Promise<void> {}
  /** True where some pack still holds it. */
  holds = (text: string): boolean => [...this.packs.values()].some((bytes) => bytes.includes(text));
}

describe.skipIf(postgresLeftOut())('bodies in object storage', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.[Symbol.asyncDispose]());

  test('go there, leave it with what is deleted, stand beside it, and come back', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 40 });
    const vault = new Packs();
    await using there = await openPlace(postgres.url, { vault });
    const { store, dataDir } = files;
    await copyIn(await moveParts(dataDir, there.place), store.log.head.seq);
    expect(vault.holds(messageText('kept-3'))).toBe(true);
    expect(await postgres.query('select from daybook.body where log = $1', [there.place.rows.id])).toEqual([]);
    await store.retention.erase('kept-000003', event('kept-000003'));
    await store.housekeeping.dropPurged(Number.MAX_SAFE_INTEGER, 100);
    const parts = { store, log: there.log, files: keyNames, now: () => files.clock.at };
    await finishMove({ ...(await moveParts(dataDir, there.place)), ...parts });
    expect(vault.holds(messageText('kept-3'))).toBe(false);
    const picture = await pictureOf(store);
    await store[Symbol.asyncDispose]();
    const openVault = async () => vault;
    await using cluster = await openClusterFixture({
      postgres: postgres.url,
      log: there.log,
      now: () => files.clock.at,
    });
    const worker = await cluster.open('one', { openVault });
    expect(await pictureOf(worker)).toEqual(picture);
    expect(await bytesOf(worker, 'kept-000004')).toBe(messageText('kept-4'));
    const verifyParts = { bytesPerSecond: 1e9, told: () => undefined, pause: noPause, passed: () => 0 };
    expect(await verifyMove({ place: there.place, dataDir, ...verifyParts })).toMatchObject({ faults: [] });
    await worker[Symbol.asyncDispose]();
    const elsewhere = await mkdtemp(join(tmpdir(), 'daybook-back-'));
    const openThem = () =>
      openFiles(elsewhere, files.clock.at, { evenIfMoved: true, rebuild: { folded: () => undefined } });
    const back = {
      dataDir: elsewhere,
      segmentBytes: 1_048_576,
      master: null,
      place: there.place,
      told: () => undefined,
      pause: noPause,
    };
    await finishBack({ ...back, log: there.log, now: () => files.clock.at, files: keyNames, openFiles: openThem });
    const again = await openFiles(elsewhere, files.clock.at);
    expect(await pictureOf(again)).toEqual(picture);
    expect(await bytesOf(again, 'large')).toBe(messageText('large', 900_000));
    await again[Symbol.asyncDispose]();
    await rm(elsewhere, { recursive: true, force: true });
  });

  test('a drop that dies before it says so leaves all to do again, and no byte behind', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 40 });
    const vault = new Packs();
    await using there = await openPlace(postgres.url, { vault });
    await copyIn(await moveParts(files.dataDir, there.place), files.store.log.head.seq);
    const seq = (await files.store.evidence.seqOf('kept-000005')) ?? 0;
    const remove = async (): Promise<never> => {
      throw new Error('killed');
    };
    const { store, read, lockedUntil } = vault;
    const end = (): Promise<void> => vault[Symbol.asyncDispose]();
    const dying = {
      ...there.place,
      vault: {
        store,
        read,
        remove,
        lockedUntil,
        list: () => vault.list(),
        answers: end,
        hurry: () => undefined,
        [Symbol.asyncDispose]: end,
      },
    };
    await expect(dropInCluster(dying, [seq])).rejects.toThrow('killed');
    expect(vault.holds(messageText('kept-5'))).toBe(true);
    await dropInCluster(there.place, [seq]);
    expect(vault.holds(messageText('kept-5'))).toBe(false);
    expect(vault.holds(messageText('kept-6'))).toBe(true);
    const refs = await postgres.query<{ pack: string }>(
      'select distinct pack from daybook.record where log = $1 and pack is not null',
      [there.place.rows.id],
    );
    expect(refs.map(({ pack }) => pack).toSorted()).toEqual([...vault.packs.keys()].toSorted());
  });

  const event = (entryId: string) =>
    ({
      type: 'entry.erased',
      severity: 'info',
      actor: 'op',
      definitionId: 'exchange',
      intakeId: null,
      entryId,
      data: {},
    }) as const;
});
