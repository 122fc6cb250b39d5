import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closing } from '../../src/close.ts';
import { openLogSeal, rewrapLogKey } from '../../src/cluster/log-key.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { keepWorker, openClusterFixture, sameHead, takeInto } from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { masterKey } from '../support/master-keys.ts';
import { bytesOf } from '../support/moved-archive.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const place = ['a', 'place'] as const;

describe.skipIf(postgresLeftOut())('the key of a log', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const stack = closing();
  afterAll(() => Promise.resolve(stack[Symbol.asyncDispose]()));
  const openLog = async (name: string) => {
    const postgres = stack.use(openPostgres(server.url));
    return { postgres, rows: await openLogRows(postgres, name) };
  };

  test('is made once, whoever of many comes first, and is the same for all', async () => {
    const log = await openLog('made');
    expect(await openLogSeal(log, null)).toBeNull();
    const seals = await Promise.all(Array.from({ length: 6 }, () => openLogSeal(log, masterKey())));
    const sealed = seals[0]?.sealDocument(place, 'text') ?? '';
    expect(seals.map((each) => each?.openDocument(place, sealed))).toEqual(Array(6).fill('text'));
    expect(await server.query('select 1 from daybook.log_key where log = $1', [log.rows.id])).toHaveLength(1);
  });

  test('is refused to who has another master key or none, with the one that is needed', async () => {
    const log = await openLog('refused');
    await openLogSeal(log, masterKey());
    for (const master of [masterKey('two'), null])
      await expect(openLogSeal(log, master)).rejects.toMatchObject({
        code: 'key-unusable',
        message: expect.stringContaining(masterKey().id),
      });
    await expect(rewrapLogKey(log, { from: masterKey('three'), to: masterKey('two') })).rejects.toMatchObject({
      code: 'key-unusable',
    });
    expect(await openLogSeal(log, masterKey())).not.toBeNull();
  });

  test('opens nothing where its row was copied from another log, or one bit of it was changed', async () => {
    const [one, two] = [await openLog('copied'), await openLog('copy')];
    await openLogSeal(one, masterKey());
    const copy = 'insert into daybook.log_key select $2, master, id, wrapped from daybook.log_key where log = $1';
    await server.query(copy, [one.rows.id, two.rows.id]);
    await expect(openLogSeal(two, masterKey())).rejects.toMatchObject({ code: 'damaged' });
    const flip = 'update daybook.log_key set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where log = $1';
    await server.query(flip, [one.rows.id]);
    await expect(openLogSeal(one, masterKey())).rejects.toMatchObject({ code: 'damaged' });
  });

  test('is put under another master key, as often as one likes, and stays the same key', async () => {
    const log = await openLog('again');
    expect(await rewrapLogKey(log, { from: masterKey(), to: masterKey('two') }), 'nothing is encrypted').toBe(false);
    const sealed = (await openLogSeal(log, masterKey()))?.sealDocument(place, 'text') ?? '';
    for (let n = 0; n < 2; n += 1) {
      expect(await rewrapLogKey(log, { from: masterKey(), to: masterKey('two') })).toBe(true);
      expect((await openLogSeal(log, masterKey('two')))?.openDocument(place, sealed)).toBe('text');
      await expect(openLogSeal(log, masterKey())).rejects.toMatchObject({ code: 'key-unusable' });
    }
  });

  test.each([
    { what: 'has lost', isMadeAnew: false },
    { what: 'has another of', isMadeAnew: true },
  ])(
    'a worker writes nothing under a key that the database $what, and goes on by the one it has',
    async ({ isMadeAnew }) => {
      await using fixture = await openClusterFixture({ postgres: server.url });
      const store = await keepWorker(fixture, 'one', { master: masterKey() });
      stack.use(store);
      const log = await openLog(fixture.log);
      // As a server that took over before the key had reached it.
      await server.query('delete from daybook.log_key where log = $1', [log.rows.id]);
      if (isMadeAnew) await openLogSeal(log, masterKey());
      await expect(takeInto(store, 'refused', { at: Date.now() })).rejects.toMatchObject({ code: 'key-unusable' });
      expect((await log.rows.head()).seq).toBe(0);
      await eventually(async () => store.health.open, { withinMs: 20_000, what: 'a store that is open again' });
      await takeInto(store, 'taken', { at: Date.now() });
      const other = await fixture.open('two', { master: masterKey() });
      await sameHead(store, other);
      expect(await bytesOf(other, 'taken')).toBe('taken');
    },
  );

  test('a worker that goes on without it stops before it folds what it cannot read, and comes back with it', async () => {
    await using fixture = await openClusterFixture({ postgres: server.url });
    const without = await keepWorker(fixture, 'without');
    stack.use(without);
    await takeInto(without, 'in-clear', { at: Date.now() });
    const sealing = await fixture.open('with', { master: masterKey() });
    await takeInto(sealing, 'sealed', { at: Date.now() });
    await eventually(async () => !without.health.open, { what: 'a store that has failed' });
    await without[Symbol.asyncDispose]();
    await expect(fixture.open('without')).rejects.toMatchObject({ code: 'key-unusable' });
    // Its index is in clear: it is made anew.
    await expect(fixture.open('without', { master: masterKey() })).rejects.toMatchObject({ code: 'index-unknown' });
    const again = await fixture.open('without', { master: masterKey(), rebuild: { folded: () => undefined } });
    await sameHead(sealing, again);
    expect((await again.intake.get('in-clear'))?.state).toBeDefined();
    expect((await again.intake.get('sealed'))?.state).toBeDefined();
  });
});
