import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyBack, finishBack, type MoveBackParts } from '../../src/cluster/migrate-back.ts';
import { dropInCluster } from '../../src/cluster/migrate-drop.ts';
import { copyIn, finishMove } from '../../src/cluster/migrate-in.ts';
import { verifyMove } from '../../src/cluster/migrate-verify.ts';
import { keysFolder, readRecordKeys } from '../../src/store/record-keys.ts';
import { type ClusterFixture, openClusterFixture, takeInto } from '../support/cluster-fixture.ts';
import { filesOf } from '../support/folders.ts';
import { masterKey } from '../support/master-keys.ts';
import {
  archiveMany,
  bytesOf,
  fillArchive,
  keyNames,
  messageText,
  moveParts,
  noPause,
  openFiles,
  openPlace,
  type PlaceFixture,
  pictureOf,
} from '../support/moved-archive.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { openStoreFixture, type StoreFixture, value } from '../support/store-fixture.ts';
import { day } from '../support/stream-shapes.ts';

const missing = expect.objectContaining({ code: 'missing' });

const kinds = [
  { name: 'an archive', kind: 'segments', master: null },
  { name: 'an encrypted archive', kind: 'encrypted segments', master: masterKey() },
] as const;

/** One archive on its whole way, in the order of the tests. */
describe.skipIf(postgresLeftOut()).each(kinds)('$name', ({ kind, master }) => {
  let postgres: Postgres;
  let files: StoreFixture;
  let there: PlaceFixture;
  let cluster: ClusterFixture;
  let elsewhere: string;
  let picture: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    postgres = await startPostgres();
    files = await openStoreFixture(kind);
    there = await openPlace(postgres.url, { master });
    cluster = await openClusterFixture({ postgres: postgres.url, now: () => files.clock.at, log: there.log });
    elsewhere = await mkdtemp(join(tmpdir(), 'daybook-back-'));
    await fillArchive(files, { entries: 240 });
    for (const name of keyNames) await writeFile(join(files.dataDir, name), `bytes of ${name}`);
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await there?.[Symbol.asyncDispose]();
    await files?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    await rm(elsewhere, { recursive: true, force: true });
  });

  test('is copied while mail comes in, as often as one likes, and no worker starts on it', async () => {
    const { store } = files;
    const first = await copyIn(await moveParts(files.dataDir, there.place, master), store.log.head.seq);
    expect(first).toEqual(store.log.head);
    await archiveMany(files, 'meanwhile', 20);
    const second = await copyIn(await moveParts(files.dataDir, there.place, master), store.log.head.seq);
    expect(second).toEqual(store.log.head);
    expect(await copyIn(await moveParts(files.dataDir, there.place, master), store.log.head.seq)).toEqual(second);
    await expect(cluster.open('early', { master })).rejects.toThrow('an archive is being moved into this cluster');
  });

  test('has the same head, root and documents at the end, and its files are closed to an engine', async () => {
    const { store, dataDir } = files;
    // What is deleted after it was copied is deleted there too.
    await store.retention.erase('kept-000003', event('entry.erased', 'kept-000003'));
    files.clock.at += 31 * day;
    await store.housekeeping.dropPurged(files.clock.at + 1, 100);
    const parts = { store, log: there.log, files: keyNames, now: () => files.clock.at };
    const done = await finishMove({ ...(await moveParts(dataDir, there.place, master)), ...parts });
    expect(done).toMatchObject({ records: store.log.head.seq, head: store.log.head.hash, waiting: 12, documents: 31 });
    picture = await pictureOf(store);
    await store[Symbol.asyncDispose]();
    await expect(openFiles(dataDir, files.clock.at, { master })).rejects.toThrow('lies in a cluster');
  });

  test('is whole there: ids, hashes, deadlines, ledgers, bytes, and what was deleted stays so', async () => {
    const worker = await cluster.open('fresh', { master });
    expect(await pictureOf(worker)).toEqual(picture);
    expect(await bytesOf(worker, 'large')).toBe(messageText('large', 900_000));
    expect(await bytesOf(worker, 'kept-000007')).toBe(messageText('kept-7'));
    for (const gone of ['ended-0', 'ended-1', 'early-000000', 'kept-000003'])
      await expect(bytesOf(worker, gone).catch((error: unknown) => error)).resolves.toEqual(missing);
    const rows = await postgres.query('select body from daybook.body where position($1::bytea in bytes) > 0', [
      Buffer.from(messageText('kept-3')),
    ]);
    expect(rows).toEqual([]);
    const shared = await postgres.query<{ value: string }>(
      `select value from daybook.document where room = 'file' and owner = 'evidence.key'`,
    );
    const inClear = Buffer.from('bytes of evidence.key').toString('base64');
    expect(shared.map(({ value }) => value)).toEqual([master === null ? inClear : expect.stringMatching(/^sealed:/)]);
  });

  if (master !== null)
    test('has no word of mail in any row of the database', async () => {
      const held = async (text: string): Promise<number> => {
        const found = await postgres.query(
          `select 1 from daybook.record where position($1::bytea in head) + position($1::bytea in tail) > 0
           union all select 1 from daybook.body where position($1::bytea in bytes) > 0
           union all select 1 from daybook.document where position(convert_from($1, 'utf8') in value) > 0`,
          [Buffer.from(text)],
        );
        return found.length;
      };
      for (const text of ['words of', 'north.example', 'mailbox', 'lastExtract'])
        expect([text, await held(text)]).toEqual([text, 0]);
      expect(await held('DYBK'), 'what is in clear is found so').toBeGreaterThan(240);
    });

  test('goes on in the folder it came from, with the index that stands there', async () => {
    const worker = await cluster.open('at-home', { master, dataDir: files.dataDir });
    expect(await pictureOf(worker)).toEqual(picture);
    // Of an item that was parsed before the move, a fold of the log alone knows nothing.
    const { items } = await value(worker.spool.due('exchange', files.clock.at + day, 100));
    expect(items.filter(({ parsed }) => parsed !== null)).toHaveLength(11);
    await takeInto(worker, 'new-there', { at: files.clock.at });
    await worker[Symbol.asyncDispose]();
  });

  test('is verified there, chain and payloads, against what lies in files', async () => {
    const report = await verifyMove(verifyParts());
    expect(report).toMatchObject({ faults: [], compared: (picture['head'] as { seq: number }).seq });
    expect(report.records).toBe((report.compared ?? 0) + 1);
    expect(report.dropped).toBeGreaterThan(4);
  });

  test('comes back to its folder and to an empty one, with what came meanwhile', async () => {
    const worker = await cluster.open('writer', { master });
    await takeInto(worker, 'last-there', { at: files.clock.at });
    const seq = await worker.evidence.seqOf('kept-000009');
    await worker.retention.erase('kept-000009', event('entry.erased', 'kept-000009'));
    await dropInCluster(there.place, [seq ?? 0]);
    const before = await copyBack(backParts(elsewhere));
    expect(before).toEqual(worker.log.head);
    await takeInto(worker, 'while-copied', { at: files.clock.at });
    picture = await pictureOf(worker);
    await worker[Symbol.asyncDispose]();
    for (const dataDir of [elsewhere, files.dataDir]) {
      const rebuild = { folded: () => undefined };
      const openThem = () => openFiles(dataDir, files.clock.at, { master, evenIfMoved: true, rebuild });
      const done = await finishBack({ ...backParts(dataDir), files: keyNames, openFiles: openThem });
      expect(done).toMatchObject({ head: (picture['head'] as { hash: string }).hash, documents: 31 });
      await using store = await openFiles(dataDir, files.clock.at, { master });
      expect(await pictureOf(store)).toEqual(picture);
      expect(await bytesOf(store, 'while-copied')).toBe('while-copied');
      expect(await bytesOf(store, 'large')).toBe(messageText('large', 900_000));
      for (const gone of ['ended-0', 'early-000000', 'kept-000003', 'kept-000009'])
        await expect(bytesOf(store, gone).catch((error: unknown) => error)).resolves.toEqual(missing);
      expect(await readFile(join(dataDir, 'definitions.key'), 'utf8')).toBe('bytes of definitions.key');
      if (master === null) continue;
      const segments = (await filesOf(dataDir)).filter((file) => file.startsWith('commitlog/'));
      for (const file of segments) expect((await readFile(join(dataDir, file))).includes('words of'), file).toBe(false);
      const block = await readRecordKeys(keysFolder(dataDir), master).blockOf(seq ?? 0);
      expect(block.payloadKey(seq ?? 0)).toBe('destroyed');
    }
    await expect(cluster.open('late', { master })).rejects.toThrow('was moved to files');
  });

  test('can be moved in once more, from where it was', async () => {
    const store = await openFiles(files.dataDir, files.clock.at, { master });
    await takeInto(store, 'once-more', { at: files.clock.at });
    const parts = { store, log: there.log, files: keyNames, now: () => files.clock.at };
    await finishMove({ ...(await moveParts(files.dataDir, there.place, master)), ...parts });
    picture = await pictureOf(store);
    await store[Symbol.asyncDispose]();
    expect(await pictureOf(await cluster.open('again', { master }))).toEqual(picture);
  });

  const event = (type: string, entryId: string) =>
    ({ type, severity: 'info', actor: 'op', definitionId: 'exchange', intakeId: null, entryId, data: {} }) as const;
  const backParts = (dataDir: string): MoveBackParts => ({
    dataDir,
    segmentBytes: 1_048_576,
    master,
    place: there.place,
    log: there.log,
    now: () => files.clock.at,
    told: () => undefined,
    pause: noPause,
  });
  const verifyParts = () => ({
    place: there.place,
    dataDir: files.dataDir,
    bytesPerSecond: 1_000_000_000,
    told: () => undefined,
    pause: noPause,
    passed: () => 0,
  });
});
