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
  }, 60_000);
  afterAll(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    await using database = openPostgres(postgres.url);
    log = (await openLogRows(database, `log-${randomUUID()}`)).id;
  });
  afterEach(async () => {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    workers = [];
  });

  const open = async (worker: string): Promise<Worker> => {
    const database = openPostgres(postgres.url);
    let slept = 0;
    const passed = (): number => performance.now() + slept;
    const tenures = await openTenures({ postgres: database, log, worker, clock: asyncScheduler, passed, times });
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
    const documents = createSharedDocuments({ postgres: one.database, log, tokenOf: () => token });
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
      tokenOf: (id) => two.tenures.tokenOf(definitionTenure(id)),
    });
    expect(await now.readUidl('a')).toEqual(seen('first'));
    await now.writeUidl('a', new Map([['uid:1', null]]), { sync: true });
    expect(await now.readUidl('a')).toEqual(new Map());
  }, 30_000);
});
