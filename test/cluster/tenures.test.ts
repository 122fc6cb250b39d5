import { randomUUID } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { createSharedDocuments } from '../../src/cluster/shared-documents.ts';
import { definitionTenure, openTenures, type Tenures } from '../../src/cluster/tenures.ts';
import { eventually } from '../support/eventually.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

/** Short, since the database's clock is nobody's to turn. */
const times = { tenureMs: 1_500, renewEveryMs: 300, lookEveryMs: 50, marginMs: 300, handOverMs: 50 };
const names = ['archive', 'definition:a', 'definition:b', 'definition:c', 'definition:d'];

interface Worker extends AsyncDisposable {
  readonly tenures: Tenures;
  readonly database: ReturnType<typeof openPostgres>;
  /** Its own time goes on without it. */
  sleep(ms: number): void;
  held(): readonly string[];
}

describe.skipIf(postgresLeftOut())('tenures', () => {
  let postgres: Postgres;
  let log: number;
  let workers: Worker[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    await using database = openPostgres(postgres.url);
    log = (await openLogRows(database, `log-${randomUUID()}`)).id;
  });
  afterEach(async () => {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    workers = [];
  });

  const open = async (
    worker: string,
    { home = `home of ${worker}`, tenureMs = times.tenureMs } = {},
  ): Promise<Worker> => {
    const database = openPostgres(postgres.url);
    let slept = 0;
    const passed = (): number => performance.now() + slept;
    const parts = { postgres: database, log, worker, clock: asyncScheduler, passed, home };
    const tenures = await openTenures({ ...parts, times: { ...times, tenureMs } });
    tenures.want(names);
    const opened: Worker = {
      tenures,
      database,
      sleep: (ms) => {
        slept += ms;
      },
      held: () => names.filter((name) => tenures.tokenOf(name) !== null),
      [Symbol.asyncDispose]: async () => {
        await tenures[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
    workers.push(opened);
    return opened;
  };
  const holds = (worker: Worker, count: number) =>
    eventually(async () => worker.held().length === count, { withinMs: 10_000, what: `${count} names` });

  test('one by itself has all of them, and another that comes gets its share, nothing held twice', async () => {
    const one = await open('one');
    await holds(one, 5);
    const two = await open('two');
    const seen = new Set<string>();
    await eventually(
      async () => {
        const both = one.held().filter((name) => two.held().includes(name));
        for (const name of both) seen.add(name);
        return two.held().filter((name) => name.startsWith('definition:')).length === 2;
      },
      { withinMs: 15_000, what: 'a share' },
    );
    expect([...seen]).toEqual([]);
    expect(two.tenures.workers).toEqual(['one', 'two']);
    for (const name of two.held()) await eventually(async () => one.tenures.holderOf(name) === 'two');
  }, 30_000);

  test('one that leaves gives up at once what it has; one that was killed, after its tenure; tokens only grow', async () => {
    const one = await open('one');
    await holds(one, 5);
    const before = BigInt(one.tenures.tokenOf('archive') ?? '0');
    const two = await open('two');
    await one[Symbol.asyncDispose]();
    workers = [two];
    await holds(two, 5);
    expect(BigInt(two.tenures.tokenOf('archive') ?? '0')).toBeGreaterThan(before);
    // Killed: nobody renews, nobody gives up.
    await two.database[Symbol.asyncDispose]();
    const three = await open('three');
    expect(three.held()).toEqual([]);
    await holds(three, 5);
  }, 30_000);

  test('one that was killed and comes again on its folder has at once what it had, by new tokens', async () => {
    const long = { tenureMs: 600_000 };
    const one = await open('one', long);
    await holds(one, 5);
    const before = BigInt(one.tenures.tokenOf('archive') ?? '0');
    await one.database[Symbol.asyncDispose]();
    const again = await open('one', long);
    await holds(again, 5);
    expect(BigInt(again.tenures.tokenOf('archive') ?? '0')).toBeGreaterThan(before);
  });

  test('another one of the same name is refused while it lives, and takes its place afterwards', async () => {
    const one = await open('one');
    await holds(one, 5);
    await expect(open('one', { home: 'another folder' })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('is named one; give this one its own cluster.worker'),
    });
    expect(one.held()).toHaveLength(5);
    await one[Symbol.asyncDispose]();
    await holds(await open('one', { home: 'another folder' }), 5);
  });

  test('what is given away is held to the last: nothing is begun under it, and what is to be saved still is', async () => {
    const one = await open('one');
    await holds(one, 5);
    const goesOn = new Map<string, boolean>();
    for (const name of names) one.tenures.held$(name).subscribe((isHeld) => goesOn.set(name, isHeld));
    const seen: unknown[] = [];
    one.tenures.beforeLeaving(async (name) => {
      const [row] = await one.database.run({
        text: 'select holder from daybook.tenure where log = $1 and name = $2 and token = $3',
        values: [log, name, one.tenures.tokenOf(name)],
      });
      seen.push([row?.['holder'], goesOn.get(name)]);
    });
    const two = await open('two');
    await holds(two, 2);
    expect(seen.slice(0, 2)).toEqual([
      ['one', false],
      ['one', false],
    ]);
  }, 30_000);

  test('one whose time has passed without it holds nothing, before it has asked anybody', async () => {
    const one = await open('one');
    await holds(one, 5);
    one.sleep(times.tenureMs - times.marginMs + 1);
    expect(one.held()).toEqual([]);
  });

  test('one that was overtaken, whatever its own clock says, holds the name no more and renews nothing for another', async () => {
    const one = await open('one');
    await holds(one, 5);
    const taken = `update daybook.tenure set holder = 'two', token = nextval('daybook.token') where log = $1 and name = 'archive'`;
    await one.database.run({ text: taken, values: [log] });
    await holds(one, 4);
    expect(one.tenures.tokenOf('archive')).toBeNull();
    expect(one.tenures.holderOf('archive')).toBe('two');
  });

  test('what one writes that holds the definition no more is refused as a whole', async () => {
    const one = await open('one');
    await holds(one, 5);
    const token = one.tenures.tokenOf(definitionTenure('a'));
    const documents = createSharedDocuments({ postgres: one.database, log, seal: null, tokenOf: () => token });
    const seen = (value: string) => new Map([['uid:1', { value }]]);
    await documents.writeUidl('a', seen('first'), { sync: true });
    await one.tenures[Symbol.asyncDispose]();
    const two = await open('two');
    await holds(two, 5);
    await expect(documents.writeUidl('a', seen('late'), { sync: true })).rejects.toMatchObject({
      code: 'store-failed',
    });
    await expect(documents.saveRuntime('a', { late: true })).rejects.toMatchObject({ code: 'store-failed' });
    const now = createSharedDocuments({
      postgres: two.database,
      log,
      seal: null,
      tokenOf: (id) => two.tenures.tokenOf(definitionTenure(id)),
    });
    expect(await now.readUidl('a')).toEqual(seen('first'));
    await now.writeUidl('a', new Map([['uid:1', null]]), { sync: true });
    expect(await now.readUidl('a')).toEqual(new Map());
  }, 30_000);
});
