import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DropRows } from '../../src/cluster/drop-rows.ts';
import { openCluster } from '../../src/cluster/open-cluster.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { removeUnlocked } from '../../src/cluster/pack-sweep.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { ServerClock } from '../../src/cluster/server-clock.ts';
import { dropPayloads } from '../../src/cluster/shared-drop.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { CommitLog } from '../../src/store/commit-log.types.ts';
import { quickClock } from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { below, prng } from '../support/prng.ts';
import { mailDraft, openSharedLogFixture, type SharedLogFixture, sweepAt } from '../support/shared-log-fixture.ts';
import { day, minute, second } from '../support/stream-shapes.ts';

const hour = 60 * minute;
const startAt = Date.UTC(2026, 11, 1, 9);

describe.skipIf(postgresLeftOut())('a sweep of packs', () => {
  let server: Postgres;
  let now: number;
  let packs: MemoryPacks;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(() => {
    now = startAt;
    packs = new MemoryPacks(() => now);
  });

  const names = (): readonly string[] => [...packs.packs.keys()];
  /** A log of which every worker has the time of the test, or one that stands still. */
  const openLog = async ({ wrap = (vault: Vault): Vault => vault, time = (): number => now, lockMs = 0 } = {}) => {
    const quick = quickClock();
    const openVault = (room: string): Vault => wrap(packs.open(room, lockMs));
    const fixture = await openSharedLogFixture({
      postgres: openPostgres(server.url),
      openVault,
      now: time,
      clock: quick.clock,
    });
    const vault = packs.open(fixture.room, lockMs);
    const end = async (): Promise<void> => {
      await fixture[Symbol.asyncDispose]();
      quick[Symbol.dispose]();
    };
    return { fixture, vault, end, log: (await fixture.open('one')).log };
  };
  const expectKept = async (log: CommitLog, seq: number, body: Buffer): Promise<void> =>
    expect(Buffer.from(await log.slice(seq, 0, body.length)).equals(body), `record ${seq}`).toBe(true);

  test('takes what nothing names a day after it was stored, and not before', async () => {
    const { fixture, vault, log, end } = await openLog();
    const body = randomBytes(100);
    await log.append(mailDraft(body, 'named'));
    const [named = ''] = names();
    await vault.store([[randomBytes(10)]]);
    now += day;
    expect(await sweepAt(fixture, vault, now)).toBe(0);
    expect(names()).toHaveLength(2);
    now += day;
    expect(await sweepAt(fixture, vault, now)).toBe(1);
    expect(names()).toEqual([named]);
    await expectKept(log, 1, body);
    await end();
  });

  test('is due once a day for a log, and looks at what was stored since the last one', async () => {
    const { fixture, vault, end } = await openLog();
    const spans: (readonly [number, number | undefined])[] = [];
    const watched = {
      ...vault,
      list: (before: number, after?: number) => {
        spans.push([before, after]);
        return vault.list(before, after);
      },
    };
    expect(await sweepAt(fixture, watched, now)).toBe(0);
    expect(await sweepAt(fixture, watched, now + day - 1)).toBeNull();
    expect(await sweepAt(fixture, watched, now + day)).toBe(0);
    // Of a worker whose clock is behind.
    expect(await sweepAt(fixture, watched, now - 40 * day)).toBeNull();
    expect(spans).toEqual([
      [now - day, 0],
      [now, now - 2 * day],
    ]);
    await end();
  });

  test('that could not remove all of it has removed the rest, and is due again at once', async () => {
    const { fixture, vault, log, end } = await openLog();
    for (let count = 0; count < 600; count += 1) await vault.store([[Buffer.from('x')]]);
    const [refused = ''] = names();
    now += 2 * day;
    const failing = {
      ...vault,
      remove: async (some: readonly string[]) => {
        await vault.remove(some.filter((pack) => pack !== refused));
        if (some.includes(refused)) throw new Error('AccessDenied');
      },
    };
    await expect(sweepAt(fixture, failing, now)).rejects.toThrow('AccessDenied');
    expect(names()).toEqual([refused]);
    const body = randomBytes(50);
    await log.append(mailDraft(body, 'taken meanwhile'));
    await expectKept(log, 1, body);
    expect(await sweepAt(fixture, vault, now)).toBe(1);
    expect(await sweepAt(fixture, vault, now + hour)).toBeNull();
    await expectKept(log, 1, body);
    await end();
  });

  test('goes no further than its bound, nor on when it is to end; the next one goes on', async () => {
    const { fixture, vault, end } = await openLog();
    for (let count = 0; count < 700; count += 1) await vault.store([[Buffer.from('x')]]);
    now += 2 * day;
    expect(await sweepAt(fixture, vault, now, { max: 10 })).toBe(10);
    let looks = 0;
    const isEnding = (): boolean => {
      looks += 1;
      return looks > 1;
    };
    expect(await sweepAt(fixture, vault, now, { isEnding })).toBe(512);
    expect(await sweepAt(fixture, vault, now, { max: 1_000 })).toBe(178);
    expect(await sweepAt(fixture, vault, now)).toBeNull();
    await end();
  });

  test('waits for a group that is being written, and sees what it names', async () => {
    const { fixture, vault, end } = await openLog();
    const [ref] = await vault.store([[randomBytes(100)]]);
    now += 2 * day;
    const rows = await openLogRows(fixture.postgres, fixture.name);
    let sweeping: Promise<number | null> = Promise.resolve(null);
    await fixture.postgres.transaction(async (run) => {
      expect(await rows.lock(run)).toMatchObject({ seq: 0, sweepBegun: 0 });
      sweeping = sweepAt(fixture, vault, now);
      const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%sweep_begun%'`;
      await eventually(async () => (await server.asAdmin(waiting)).length === 1, { what: 'a sweep that waits' });
      const none = Buffer.alloc(0);
      await rows.insert(run, [{ seq: 1, head: none, tail: none, bodyLength: 100, place: ref ? { ref } : null }]);
    });
    expect(await sweeping).toBe(0);
    expect(names()).toEqual([ref?.pack]);
    await end();
  });

  test('of a worker whose time is another one than that of the object storage is not begun, and keeps nobody from writing', async () => {
    const { fixture, vault, log, end } = await openLog();
    const skewed: Vault = { ...vault, answers: () => Promise.reject(new Error('RequestTimeTooSkewed')) };
    await expect(sweepAt(fixture, skewed, now + 4_000 * day)).rejects.toThrow('RequestTimeTooSkewed');
    const body = randomBytes(100);
    await log.append(mailDraft(body, 'taken'));
    await expectKept(log, 1, body);
    await end();
  });

  test('asks no server that was cut off before it began: what that one does not name may be named by now', async () => {
    const { fixture, vault, log, end } = await openLog();
    const body = randomBytes(100);
    await log.append(mailDraft(body, 'taken since'));
    const [named = ''] = names();
    now += 2 * day;
    // From the first name on another server answers, as after a connection that broke.
    const cutOff: Vault = {
      ...vault,
      list: async function* (...span) {
        await server.query('update daybook.log set sweep_begun = 0 where log = $1', [fixture.id]);
        await server.query('update daybook.record set log = -log where log = $1', [fixture.id]);
        yield* vault.list(...span);
      },
    };
    await expect(sweepAt(fixture, cutOff, now)).rejects.toMatchObject({ code: 'store-failed' });
    await server.query('update daybook.record set log = -log where log = $1', [-fixture.id]);
    expect(names()).toEqual([named]);
    await expectKept(log, 1, body);
    await end();
  });

  test('is believed by a worker that was suspended for a day after it had stored, though its clock stood still', async () => {
    let gate: Promise<void> = Promise.resolve();
    const wrap = (vault: Vault): Vault => ({
      ...vault,
      store: async (bodies) => {
        const refs = await vault.store(bodies);
        await gate;
        return refs;
      },
    });
    let isBehind = true;
    const { fixture, vault, log, end } = await openLog({ wrap, time: () => (isBehind ? startAt : now) });
    let resume = (): void => undefined;
    gate = new Promise((resolve) => {
      resume = resolve;
    });
    const late = log.append(mailDraft(randomBytes(100), 'late'));
    const settled = late.catch((error: unknown) => error);
    await eventually(async () => names().length === 1, { what: 'a stored pack' });
    now += day + hour;
    expect(await sweepAt(fixture, vault, now)).toBe(1);
    resume();
    expect(await settled).toMatchObject({ code: 'store-failed', retryable: true });
    isBehind = false;
    const other = await fixture.open('two');
    expect(other.log.head.seq).toBe(0);
    const body = randomBytes(100);
    await other.log.append(mailDraft(body, 'of two'));
    await expectKept(other.log, 1, body);
    await end();
  });

  test('takes nothing of what a pack is thinned for, however long that was suspended', async () => {
    const { fixture, vault, log, end } = await openLog();
    const bodies = [randomBytes(100), randomBytes(100)] as const;
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, at))));
    const rows = new DropRows(fixture.postgres, fixture.id);
    let isFirst = true;
    const store: Vault['store'] = async (payloads) => {
      const refs = await vault.store(payloads);
      if (!isFirst) return refs;
      isFirst = false;
      now += day + hour;
      expect(await sweepAt(fixture, vault, now)).toBe(1);
      return refs;
    };
    await expect(dropPayloads({ rows, vault, store }, [1])).rejects.toMatchObject({ code: 'store-failed' });
    await expectKept(log, 2, bodies[1]);
    await dropPayloads({ rows, vault, store }, [1]);
    await expectKept(log, 2, bodies[1]);
    expect(names()).toHaveLength(1);
    await end();
  });

  test('that is under way when an engine ends is given up, so that object storage which is away does not keep it', async () => {
    let isListing = false;
    const openVault = async (room: string): Promise<Vault> => {
      let hurry = (): void => undefined;
      const givenUp = new Promise<never>((_, reject) => {
        hurry = () => reject(new Error('given up'));
      });
      return {
        ...packs.open(room),
        list: async function* () {
          isListing = true;
          yield await givenUp;
        },
        hurry,
      };
    };
    const place = {
      postgres: server.url,
      log: 'ending',
      worker: 'one',
      master: null,
      openVault,
      clock: new ServerClock(asyncScheduler, () => performance.now()),
    };
    await using cluster = await openCluster({ ...place, keys: 'database' });
    const options = { now, isEnding: () => false, removed: () => undefined };
    const sweeping = cluster.packs?.sweepIfDue(options).catch(String);
    await eventually(async () => isListing, { what: 'a sweep that lists' });
    cluster.hurry();
    expect(await sweeping).toBe('Error: given up');
  });

  test.each([11, 12, 13, 14, 15, 16])(
    'takes what nothing names and nothing else, whatever came before (seed %i)',
    async (seed) => {
      const random = prng(seed);
      const two = [await openLog(), await openLog({ lockMs: 2 * day })].map((opened) => ({
        ...opened,
        kept: new Map<number, Buffer>(),
      }));
      for (let step = 0; step < 40; step += 1) {
        const one = two[below(random, 2)];
        if (one === undefined) throw new Error('no log');
        now += below(random, 10) * hour + second;
        await act(random, one);
        for (const { log, kept } of two) for (const [seq, body] of kept) await expectKept(log, seq, body);
      }
      for (let days = 0; days < 4; days += 1) {
        now += day + hour;
        for (const { fixture, vault } of two) await clear(fixture, vault);
      }
      const rows = await server.query<{ pack: string }>(
        'select distinct pack from daybook.record where log = any($1) and pack is not null',
        [two.map(({ fixture }) => fixture.id)],
      );
      expect([...names()].sort()).toEqual(rows.map(({ pack }) => pack).sort());
      for (const { end } of two) await end();
    },
  );

  interface Lived {
    readonly fixture: SharedLogFixture;
    readonly vault: Vault;
    readonly log: CommitLog;
    /** Bodies that stand, by their record. */
    readonly kept: Map<number, Buffer>;
  }

  async function act(random: () => number, { fixture, vault, log, kept }: Lived): Promise<void> {
    const kind = below(random, 10);
    if (kind < 4) {
      const bodies = Array.from({ length: 1 + below(random, 5) }, () => randomBytes(200));
      const records = await Promise.all(bodies.map((body) => log.append(mailDraft(body, 'mail'))));
      for (const [at, { seq }] of records.entries()) kept.set(seq, bodies[at] ?? Buffer.alloc(0));
    } else if (kind < 5) {
      // A worker that ended before it referred to it.
      await vault.store([[randomBytes(20)]]);
    } else if (kind < 8) {
      const seqs = [...kept.keys()].filter(() => below(random, 3) === 0);
      for (const seq of seqs) kept.delete(seq);
      const rows = new DropRows(fixture.postgres, fixture.id);
      let left = kind === 7 ? below(random, 6) : Number.POSITIVE_INFINITY;
      const dying =
        <T extends unknown[], A>(call: (...given: T) => Promise<A>) =>
        async (...given: T): Promise<A> => {
          left -= 1;
          if (left < 0) throw new Error('killed');
          return call(...given);
        };
      const { read, remove, store, lockedUntil } = vault;
      const parts = { rows, vault: { read: dying(read), remove: dying(remove), lockedUntil }, store: dying(store) };
      await dropPayloads(parts, seqs).catch((error: unknown) => expect(String(error)).toContain('killed'));
    } else {
      await clear(fixture, vault);
    }
  }

  const clear = async (fixture: SharedLogFixture, vault: Vault): Promise<void> => {
    await sweepAt(fixture, vault, now);
    const rows = new DropRows(fixture.postgres, fixture.id);
    await removeUnlocked({ rows, vault, store: vault.store }, { now, isEnding: () => false });
  };
});
