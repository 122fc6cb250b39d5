import { chmod, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyBack, finishBack } from '../../src/cluster/migrate-back.ts';
import { copyIn, finishMove } from '../../src/cluster/migrate-in.ts';
import { planMove } from '../../src/cluster/migrate-plan.ts';
import type { ClusterPlace } from '../../src/cluster/migrate-rows.ts';
import { readMoveState } from '../../src/cluster/migrate-state.ts';
import { verifyMove } from '../../src/cluster/migrate-verify.ts';
import { openTenures } from '../../src/cluster/tenures.ts';
import { openClusterFixture, takeInto } from '../support/cluster-fixture.ts';
import { masterKey } from '../support/master-keys.ts';
import {
  archiveMany,
  fillArchive,
  keyNames,
  moveParts,
  noPause,
  openFiles,
  openPlace,
  pictureOf,
} from '../support/moved-archive.ts';
import { longOfClusterLeftOut, type Postgres, startPostgres } from '../support/postgres.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';

describe.skipIf(longOfClusterLeftOut())('a move that is disturbed', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.[Symbol.asyncDispose]());

  const counts = async (log: string) =>
    (
      await postgres.query<{ records: number; last: number; bodies: number; used: number }>(
        `select count(*)::integer as records, max(r.seq)::integer as last, count(r.body)::integer as used,
           (select count(*)::integer from daybook.body b where b.log = l.log) as bodies
         from daybook.log l join daybook.record r using (log) where l.name = $1 group by l.log`,
        [log],
      )
    )[0];

  test('goes on where it was killed, at any point, and nothing is there twice or orphaned', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 600 });
    await using there = await openPlace(postgres.url);
    const { store, dataDir } = files;
    const { seq: last } = store.log.head;
    for (const point of ['before', 'within', 'after'] as const) {
      const { place, killed } = killedAt(there.place, point);
      await expect(copyIn(await moveParts(dataDir, place), last)).rejects.toThrow('killed');
      expect(killed()).toBe(true);
      const standing = await there.place.rows.head();
      expect(standing.seq).toBeLessThan(last);
    }
    await copyIn(await moveParts(dataDir, there.place), last);
    const found = await counts(there.log);
    expect(found).toMatchObject({ records: last, last });
    expect(found?.bodies).toBe(found?.used);
    await finishMove(await finishParts(files, there));
    const picture = await pictureOf(store);
    await using cluster = await openClusterFixture({
      postgres: postgres.url,
      log: there.log,
      now: () => files.clock.at,
    });
    expect(await pictureOf(await cluster.open('one'))).toEqual(picture);
  });

  test('tries again by itself where the answer of the server is lost, and counts nothing twice', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 600 });
    await using there = await openPlace(postgres.url);
    const { seq: last } = files.store.log.head;
    let lost = 0;
    const transaction: ClusterPlace['postgres']['transaction'] = async (work) => {
      const answer = await there.place.postgres.transaction(work);
      lost += 1;
      if (lost % 2 === 0) throw new Error('Connection terminated unexpectedly');
      return answer;
    };
    const place = { ...there.place, postgres: { ...forward(there.place), transaction } };
    expect(await copyIn(await moveParts(files.dataDir, place), last)).toEqual(files.store.log.head);
    expect(lost).toBeGreaterThan(2);
    expect(await counts(there.log)).toMatchObject({ records: last, last });
  });

  test('two copies at once come to one log', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 600 });
    await using there = await openPlace(postgres.url);
    await using beside = await openPlace(postgres.url, { log: there.log });
    const { head } = files.store.log;
    const ends = await Promise.all(
      [there, beside].map(async ({ place }) => copyIn(await moveParts(files.dataDir, place), head.seq)),
    );
    expect(ends).toEqual([head, head]);
    expect(await counts(there.log)).toMatchObject({ records: head.seq, last: head.seq });
  });

  test('between the mark in the folder and the word in the database neither side goes on; finish ends it', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 20 });
    await using there = await openPlace(postgres.url);
    const { dataDir } = files;
    // The last transaction of a finish is the one that opens the cluster.
    await copyIn(await moveParts(dataDir, there.place), files.store.log.head.seq);
    const place = withoutOpening(there.place);
    await expect(finishMove({ ...(await finishParts(files, there)), place })).rejects.toThrow('killed');
    await files.store[Symbol.asyncDispose]();
    await using cluster = await openClusterFixture({
      postgres: postgres.url,
      log: there.log,
      now: () => files.clock.at,
    });
    await expect(openFiles(dataDir, files.clock.at)).rejects.toThrow('lies in a cluster');
    await expect(cluster.open('one')).rejects.toThrow('is being moved into this cluster');
    await using store = await openFiles(dataDir, files.clock.at, { evenIfMoved: true });
    await finishMove({ ...(await finishParts(files, there)), store });
    const picture = await pictureOf(store);
    expect(await pictureOf(await cluster.open('one'))).toEqual(picture);
  });

  test('is refused where another archive is, where workers run, and where a cluster has mail of its own', async () => {
    await using files = await openStoreFixture();
    await using others = await openStoreFixture();
    await archiveMany(files, 'mine', 3);
    await archiveMany(others, 'theirs', 5);
    await using there = await openPlace(postgres.url);
    const copy = async (fixture: StoreFixture) =>
      copyIn(await moveParts(fixture.dataDir, there.place), fixture.store.log.head.seq);
    await copy(files);
    await expect(copy(others)).rejects.toThrow(/records of another archive/);
    expect((await planOf(others, there.log)).refusals).toEqual([expect.stringMatching(/of another archive/)]);
    await using own = await openPlace(postgres.url);
    await using cluster = await openClusterFixture({ postgres: postgres.url, log: own.log, now: () => files.clock.at });
    const parts = { postgres: own.place.postgres, log: own.place.rows.id, worker: 'one', clock: asyncScheduler };
    const tenures = await openTenures({ ...parts, passed: () => performance.now(), home: 'test' });
    await expect(copyIn(await moveParts(files.dataDir, own.place), 1)).rejects.toThrow(
      /workers run on the log .*: one/,
    );
    expect(await readMoveState(own.place.postgres, own.place.rows.id)).toBeNull();
    await tenures[Symbol.asyncDispose]();
    await takeInto(await cluster.open('one'), 'own', { at: files.clock.at });
    await expect(copyIn(await moveParts(files.dataDir, own.place), 1)).rejects.toThrow(/has 1 records of its own/);
    expect((await planOf(files, own.log)).refusals).toEqual([expect.stringMatching(/of its own/)]);
  });

  test('back is refused into a folder with an archive of its own, and while workers run', async () => {
    await using files = await openStoreFixture();
    await archiveMany(files, 'mine', 3);
    await using there = await openPlace(postgres.url);
    const back = {
      segmentBytes: 1_048_576,
      master: null,
      place: there.place,
      log: there.log,
      now: () => 0,
      told: () => undefined,
      pause: noPause,
    };
    await expect(copyBack({ ...back, dataDir: files.dataDir })).rejects.toThrow('holds an archive that was not moved');
    const parts = { postgres: there.place.postgres, log: there.place.rows.id, worker: 'one', clock: asyncScheduler };
    await using _tenures = await openTenures({ ...parts, passed: () => performance.now(), home: 'test' });
    const openThem = () => openFiles(files.dataDir, 0);
    const finishing = finishBack({ ...back, dataDir: files.dataDir, files: keyNames, openFiles: openThem });
    await expect(finishing).rejects.toThrow(/workers run on the log .*: one/);
    expect(await readMoveState(there.place.postgres, there.place.rows.id)).toBeNull();
  });

  test('a damaged payload stops it before anything of its group is written, and is named', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 30 });
    await files.store[Symbol.asyncDispose]();
    const folder = join(files.dataDir, 'commitlog');
    const [first = ''] = (await readdir(folder)).toSorted();
    await chmod(join(folder, first), 0o600);
    await using file = await open(join(folder, first), 'r+');
    const bytes = await file.readFile();
    await file.write(Buffer.from('X'), 0, 1, bytes.indexOf('words of early-3'));
    await using there = await openPlace(postgres.url);
    await expect(copyIn(await moveParts(files.dataDir, there.place), 20)).rejects.toThrow(
      /payload of record \d+ is not what/,
    );
    expect((await there.place.rows.head()).seq).toBe(0);
  });

  test('a payload whose key was destroyed comes as one that was deleted, its bytes in the files or not', async () => {
    await using files = await openStoreFixture('encrypted segments');
    await archiveMany(files, 'mine', 3);
    const seqs = await Promise.all(['mine-000001', 'mine-000002'].map((id) => files.store.evidence.seqOf(id)));
    const [gone = 0, stands = 0] = seqs.map((seq) => seq ?? 0);
    await files.store.log.destroy(new Set([gone]));
    await using there = await openPlace(postgres.url, { master: masterKey() });
    await copyIn(await moveParts(files.dataDir, there.place, masterKey()), files.store.log.head.seq);
    expect(await there.place.rows.read(gone)).toMatchObject({ dropped: true, place: null });
    expect(await there.place.rows.read(stands)).toMatchObject({ dropped: false });
  });

  test('an encrypted one is not begun without its key, and plan says so', async () => {
    await using files = await openStoreFixture('encrypted segments');
    await archiveMany(files, 'mine', 3);
    await using there = await openPlace(postgres.url);
    expect((await planOf(files, there.log)).refusals).toEqual([expect.stringContaining('names no key')]);
    await expect(copyIn(await moveParts(files.dataDir, there.place), 3)).rejects.toThrow('is encrypted');
    expect((await there.place.rows.head()).seq).toBe(0);
  });

  test('verify finds a flipped byte, a lost body, a lost record, and what should be gone', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 60 });
    await using there = await openPlace(postgres.url);
    await finishMove(await finishParts(files, there));
    const { postgres: database, rows } = there.place;
    const change = (text: string, ...values: readonly unknown[]) =>
      database.run({ text, values: [rows.id, ...values] });
    const faults = async () => (await verifyMove(verifyParts(files, there.place))).faults;
    expect(await faults()).toEqual([]);
    const [dropped] = await change('select min(seq)::integer as seq from daybook.record where log = $1 and dropped');
    await change('update daybook.record set dropped = false where log = $1 and seq = $2', dropped?.['seq']);
    const [flipped, lost, ...others] = await change(
      'select seq::integer, body from daybook.record where log = $1 and body is not null order by seq offset 10 limit 9',
    );
    await change(
      'update daybook.body set bytes = set_byte(bytes, 3, 0) where log = $1 and body = $2',
      flipped?.['body'],
    );
    await change('delete from daybook.body where log = $1 and body = $2', lost?.['body']);
    const away = others.at(-1)?.['seq'];
    await change('delete from daybook.record where log = $1 and seq = $2', away);
    const found = await faults();
    expect(found.some((fault) => fault.includes(`payload of record ${flipped?.['seq']} is not what`))).toBe(true);
    expect(found.some((fault) => fault.includes(`body ${lost?.['body']}`))).toBe(true);
    expect(found.some((fault) => fault.includes(`record ${away} of the log is not there`))).toBe(true);
    expect(found.includes(`the payload of record ${dropped?.['seq']} was deleted in files, and is still there`)).toBe(
      true,
    );
  });

  test('verify reads no faster than it may', async () => {
    await using files = await openStoreFixture();
    await fillArchive(files, { entries: 20 });
    await using there = await openPlace(postgres.url);
    await copyIn(await moveParts(files.dataDir, there.place), files.store.log.head.seq);
    let passed = 0;
    const pause = async (ms: number): Promise<void> => {
      passed += ms;
    };
    const report = await verifyMove({
      ...verifyParts(files, there.place),
      bytesPerSecond: 100_000,
      pause,
      passed: () => passed,
    });
    const seconds = report.bytes / 100_000;
    expect(passed / 1_000).toBeGreaterThan(seconds * 0.95);
    expect(passed / 1_000).toBeLessThanOrEqual(seconds + 0.001);
  });

  const planOf = async ({ dataDir }: StoreFixture, log: string) => {
    await using place = await openPlace(postgres.url, { log });
    return await planMove({ dataDir, master: null, postgres: place.place.postgres, log });
  };
});

const finishParts = async (
  files: StoreFixture,
  { log, place }: { readonly log: string; readonly place: ClusterPlace },
) => ({
  ...(await moveParts(files.dataDir, place)),
  store: files.store,
  log,
  files: keyNames,
  now: () => files.clock.at,
});
const verifyParts = ({ dataDir }: StoreFixture, place: ClusterPlace) => ({
  place,
  dataDir,
  bytesPerSecond: 1_000_000_000,
  told: () => undefined,
  pause: noPause,
  passed: () => 0,
});

/** The database as it is, to put something in the place of a part of it. */
const forward = ({ postgres }: ClusterPlace): ClusterPlace['postgres'] => ({
  run: (statement) => postgres.run(statement),
  transaction: (work) => postgres.transaction(work),
  [Symbol.asyncDispose]: async () => undefined,
});

/** Dies at a group of a copy: before its transaction, within it, or when it is committed and nobody heard. */
function killedAt(place: ClusterPlace, point: 'before' | 'within' | 'after') {
  let transactions = 0;
  let isDead = false;
  const die = (): never => {
    isDead = true;
    throw new Error('killed');
  };
  const transaction: ClusterPlace['postgres']['transaction'] = async (work) => {
    if (isDead) return die();
    transactions += 1;
    // The first one begins the move, each other writes a group.
    if (transactions < (point === 'before' ? 3 : 2)) return place.postgres.transaction(work);
    if (point === 'before') return die();
    const answer = await place.postgres.transaction(async (run) => {
      const done = await work(run);
      return point === 'within' ? die() : done;
    });
    return point === 'after' ? die() : answer;
  };
  const run: ClusterPlace['postgres']['run'] = (statement) => (isDead ? die() : place.postgres.run(statement));
  const postgres = { ...forward(place), transaction, run };
  return { place: { ...place, postgres }, killed: () => isDead };
}

/** Dies when the folder is marked, before the cluster is opened. */
function withoutOpening(place: ClusterPlace): ClusterPlace {
  const transaction: ClusterPlace['postgres']['transaction'] = (work) =>
    place.postgres.transaction((run) =>
      work((statement) => {
        if (statement.values?.some((value) => String(value).includes('"state":"here"')) === true)
          throw new Error('killed');
        return run(statement);
      }),
    );
  return { ...place, postgres: { ...forward(place), transaction } };
}
