import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bodiesEveryMs } from '../../src/engine/bodies-watch.ts';
import { goneToTellMs } from '../../src/engine/cluster-warnings.ts';
import { type ClusterSight, type ClusterWatch, lookEveryMs, openClusterWatch } from '../../src/engine/cluster-watch.ts';
import { archiveDuty, definitionDuty, gatewayDuty } from '../../src/engine/duties.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const second = 1_000;
const hour = 3_600_000;
const startAt = Date.UTC(2026, 11, 1);
const duties = [archiveDuty, gatewayDuty, ...['a', 'b', 'c'].map(definitionDuty)];

/** What the worker `one` sees of a cluster that a test sets, on virtual time. */
class World {
  readonly clock = new VirtualClock(startAt);
  readonly logged: string[] = [];
  readonly left: string[] = [];
  end = { seq: 0, behindMs: 0 };
  folded = 0;
  durability = { unsafe: [] as readonly string[], isAwaited: true, standbys: 1 as number | null };
  fault: Error | null = null;
  /** Of writes alone. */
  refusal: Error | null = null;
  /** Of object storage. */
  bodiless: Error | null = null;
  alive: readonly string[] = ['one', 'two'];
  clockAheadMs = 0;
  /** Of others, by name: since when they are silent, and what they said. */
  readonly others = new Map<
    string,
    { at: number; said: { version: string; behindRecords: number; behindMs: number } }
  >();
  own: unknown = null;
  /** How often it wanted to say something. */
  tries = 0;
  readonly holders = new Map<string, string>(duties.map((name) => [name, 'one']));
  /** What was told of bodies that cannot be stored. */
  readonly toldBodiless: (string | null)[] = [];
  readonly watch: ClusterWatch;

  constructor(expectsStandby = true) {
    this.watch = openClusterWatch({
      sight: this.#sight(),
      duties: {
        isMine: (name) => this.holders.get(name) === 'one',
        doerOf: (name) => this.holders.get(name) ?? null,
      },
      worker: 'one',
      version: '1.0.0',
      foldedSeq: () => this.folded,
      duty: () => duties,
      expectsStandby,
      packs: () => null,
      bodiless: (failing) => void this.toldBodiless.push(failing?.detail ?? null),
      clock: this.clock,
      log: (_, message) => void this.logged.push(message),
    });
  }

  #sight(): ClusterSight {
    const answer = async <T>(value: () => T): Promise<T> => {
      if (this.fault !== null) throw this.fault;
      return value();
    };
    return {
      end: () => answer(() => this.end),
      durability: () => answer(() => this.durability),
      say: (word) => {
        this.tries += 1;
        return answer(() => {
          if (this.refusal !== null) throw this.refusal;
          this.own = word;
        });
      },
      bodies: async () => {
        if (this.bodiless !== null) throw this.bodiless;
      },
      hurry: () => undefined,
      leave: () =>
        answer(() => {
          this.left.push('one');
          this.own = null;
        }),
      words: () =>
        answer(() => [
          { worker: 'one', agoMs: 0, said: this.own },
          ...[...this.others].map(([worker, { at, said }]) => ({ worker, agoMs: this.clock.now() - at, said })),
        ]),
      workers: () => this.alive,
      clockAheadMs: () => this.clockAheadMs,
    };
  }

  /** Lets so much time go by, look by look. */
  async go(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    for (let at = this.clock.now(); at < until; at = Math.min(until, at + lookEveryMs)) {
      this.clock.runUntil(Math.min(until, at + lookEveryMs));
      await setImmediate();
    }
  }

  get codes(): readonly string[] {
    return this.watch.warnings().map(({ code }) => code);
  }
}

describe('the watch over a cluster', () => {
  let world: World;
  beforeEach(async () => {
    world = new World();
    await world.go(lookEveryMs);
  });
  afterEach(() => world.watch[Symbol.asyncDispose]());

  test('says nothing of one that is well, and who does what', () => {
    world.holders.set(definitionDuty('b'), 'two');
    world.holders.set(archiveDuty, 'two');
    expect(world.codes).toEqual([]);
    expect(world.watch.status()).toEqual({
      workers: [
        { name: 'one', alive: true, version: '1.0.0', behindRecords: 0, behindSeconds: 0 },
        { name: 'two', alive: true, version: null, behindRecords: null, behindSeconds: null },
      ],
      duties: [
        { kind: 'definition', mine: 2, unheld: 0 },
        { kind: 'gateway', mine: 1, unheld: 0 },
        { kind: 'archive', mine: 0, unheld: 0 },
      ],
      logSeq: 0,
      database: { failingSince: null, isAwaited: true, standbys: 1, clockAheadSeconds: 0 },
      packs: null,
    });
  });

  test('an index is behind from a minute on, own or of another that lives, and never ahead', async () => {
    world.end = { seq: 1_000, behindMs: 59 * second };
    world.folded = 400;
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
    expect(world.own).toEqual({ version: '1.0.0', behindRecords: 600, behindMs: 59 * second });
    world.end = { seq: 1_000, behindMs: 61 * second };
    world.others.set('two', { at: world.clock.now(), said: { version: '1', behindRecords: 9, behindMs: 3_600_000 } });
    await world.go(lookEveryMs);
    const [own, other, ...more] = world.watch.warnings();
    expect([own?.text, other?.text, more]).toEqual([
      expect.stringContaining('of the worker one is 600 records and 1 min behind'),
      expect.stringContaining('of the worker two is 9 records and 1 h behind'),
      [],
    ]);
    expect(own?.since).toBe(new Date(world.clock.now() - 61 * second).toISOString());
    expect(world.watch.status().workers[0]).toMatchObject({ behindRecords: 600, behindSeconds: 61 });
    world.folded = 1_200;
    expect(world.watch.status()).toMatchObject({
      logSeq: 1_200,
      workers: [{ behindRecords: 0, behindSeconds: 0 }, {}],
    });
    world.end = { seq: 1_200, behindMs: 0 };
    world.alive = ['one'];
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
  });

  test('what nobody does is told after a minute, by name, and over as soon as somebody does', async () => {
    for (const name of duties) world.holders.delete(name);
    await world.go(60 * second);
    expect(world.codes).toEqual([]);
    await world.go(lookEveryMs);
    const [{ text = '', since = '' } = {}, ...more] = world.watch.warnings();
    expect(more).toEqual([]);
    expect(text).toMatch(/the archive \(.*\), the gateway, a, b, c: mail/);
    expect(since).toBe(new Date(startAt + 2 * lookEveryMs).toISOString());
    expect(world.watch.status().duties.map(({ unheld }) => unheld)).toEqual([3, 1, 1]);
    for (const name of duties) world.holders.set(name, 'two');
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
  });

  test('a worker that went without leaving is told of after two minutes, one that was never there is not', async () => {
    world.others.set('two', { at: world.clock.now(), said: { version: '1', behindRecords: 0, behindMs: 0 } });
    await world.go(goneToTellMs + lookEveryMs);
    expect(world.codes).toEqual([]);
    world.alive = ['one'];
    expect(world.watch.warnings()).toMatchObject([
      {
        code: 'worker-gone',
        text: expect.stringContaining('two'),
        since: new Date(startAt + lookEveryMs).toISOString(),
      },
    ]);
    expect(world.watch.status().workers[1]).toMatchObject({ name: 'two', alive: false });
    world.others.set('two', {
      at: world.clock.now() - goneToTellMs + 60_000,
      said: { version: '1', behindRecords: 0, behindMs: 0 },
    });
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
    world.others.clear();
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
  });

  test('one that has just come is alive by its word, for as long as a place is kept', async () => {
    world.alive = ['one'];
    world.others.set('new', { at: world.clock.now(), said: { version: '1', behindRecords: 0, behindMs: 0 } });
    const isAlive = () => world.watch.status().workers.find(({ name }) => name === 'new')?.alive;
    await world.go(2 * lookEveryMs);
    expect(isAlive()).toBe(true);
    await world.go(lookEveryMs);
    expect(isAlive()).toBe(false);
  });

  test('a database that does not answer is told after ten seconds, alone, and once in the log', async () => {
    world.holders.clear();
    world.fault = new Error('connect ECONNREFUSED');
    const { tries } = world;
    await world.go(10 * second);
    expect(world.tries, 'a look is one wait, not two').toBe(tries);
    expect(world.watch.status().database.failingSince).toBe(new Date(startAt + 2 * lookEveryMs).toISOString());
    expect(world.codes).toEqual([]);
    await world.go(100 * second);
    expect(world.watch.warnings()).toEqual([
      {
        code: 'database',
        text: 'the database of the cluster does not answer: connect ECONNREFUSED',
        since: new Date(startAt + 2 * lookEveryMs).toISOString(),
      },
    ]);
    expect(world.logged).toEqual(['the database of the cluster does not answer']);
    world.fault = null;
    world.durability = { unsafe: ['fsync = off'], isAwaited: true, standbys: 1 };
    for (const name of duties) world.holders.set(name, 'one');
    await world.go(lookEveryMs);
    // Another server may answer now: it is asked at once what its word is worth.
    expect(world.codes).toEqual(['database-unsafe']);
    expect(world.watch.status().database.failingSince).toBeNull();
  });

  test('a database that answers and takes no writes is asked at once why', async () => {
    world.refusal = new Error('timeout');
    world.durability = { unsafe: [], isAwaited: true, standbys: 0 };
    await world.go(2 * lookEveryMs);
    expect(world.codes).toEqual(['standby-missing']);
    await world.go(10 * second);
    expect(world.watch.warnings()).toMatchObject([
      { code: 'database', text: 'the database of the cluster takes no writes: timeout' },
      { code: 'standby-missing' },
    ]);
    expect(world.watch.status().database.failingSince).toBeNull();
    world.refusal = null;
    world.durability = { unsafe: [], isAwaited: true, standbys: 1 };
    await world.go(2 * lookEveryMs);
    expect(world.codes).toEqual([]);
  });

  test.each([
    [{ unsafe: [], isAwaited: true, standbys: 2 }, []],
    [{ unsafe: [], isAwaited: true, standbys: null }, []],
    [{ unsafe: [], isAwaited: true, standbys: 0 }, ['standby-missing']],
    [{ unsafe: [], isAwaited: false, standbys: 0 }, ['standby-none']],
    [{ unsafe: ['fsync = off'], isAwaited: false, standbys: 0 }, ['database-unsafe', 'standby-none']],
  ] as const)(
    'of a server with %j it warns of %j, half a minute later at most, since then',
    async (durability, codes) => {
      world.durability = durability;
      await world.go(30 * second);
      expect(world.codes).toEqual(codes);
      const since = world.watch.warnings().map((each) => each.since);
      await world.go(60 * second);
      expect(world.watch.warnings().map((each) => each.since)).toEqual(since);
    },
  );

  test('object storage that takes nothing is told after ten seconds, whatever the database does, and once in the log', async () => {
    world.bodiless = new Error('connect ECONNREFUSED');
    await world.go(bodiesEveryMs);
    expect([world.codes, world.toldBodiless]).toEqual([[], []]);
    world.fault = new Error('gone');
    await world.go(2 * bodiesEveryMs);
    expect(world.codes).toEqual(['database', 'storage']);
    expect(world.toldBodiless).toEqual(Array(2).fill('connect ECONNREFUSED'));
    world.fault = null;
    await world.go(bodiesEveryMs);
    expect(world.watch.warnings()).toEqual([
      {
        code: 'storage',
        text: 'no mail can be put into object storage, and none is taken until it can: connect ECONNREFUSED',
        since: new Date(startAt + bodiesEveryMs).toISOString(),
      },
    ]);
    expect(world.logged.filter((line) => line.includes('object storage'))).toHaveLength(1);
    world.bodiless = null;
    await world.go(bodiesEveryMs);
    expect([world.codes, world.toldBodiless.slice(3)]).toEqual([[], [null]]);
    await world.go(bodiesEveryMs);
    expect(world.toldBodiless).toHaveLength(4);
  });

  test.each([
    [7 * second, '7 s ahead of'],
    [-hour, '1 h behind'],
  ])('a clock that is off by %i ms is told after ten seconds, until it is right', async (aheadMs, words) => {
    world.clockAheadMs = aheadMs;
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
    expect(world.watch.status().database.clockAheadSeconds).toBe(aheadMs / second);
    await world.go(10 * second);
    expect(world.watch.warnings()).toMatchObject([
      { code: 'clock-off', since: new Date(startAt + 2 * lookEveryMs).toISOString() },
    ]);
    expect(world.watch.warnings()[0]?.text).toContain(`the clock of this machine is ${words} the database's`);
    // By which clock the rest is told does not depend on whether the database answers.
    world.fault = new Error('gone');
    await world.go(15 * second);
    expect(world.codes).toEqual(['database', 'clock-off']);
    world.fault = null;
    world.clockAheadMs = 2 * second;
    await world.go(lookEveryMs);
    expect(world.codes).toEqual([]);
  });

  test('it leaves when it ends, after what it was about to say, and a database that is gone does not keep it', async () => {
    world.clock.runUntil(world.clock.now() + lookEveryMs);
    await world.watch[Symbol.asyncDispose]();
    expect(world.left).toEqual(['one']);
    await setImmediate();
    expect(world.own).toBeNull();
    world.fault = new Error('gone');
    await world.watch[Symbol.asyncDispose]();
    expect(world.logged).toEqual(['the other workers will miss this one']);
    world.fault = null;
    await world.go(30 * second);
    expect(world.own).toBeNull();
  });
});

test('a server by itself is no warning where nobody expects a standby', async () => {
  const world = new World(false);
  world.durability = { unsafe: [], isAwaited: false, standbys: 0 };
  await world.go(60 * second);
  expect(world.codes).toEqual([]);
  await world.watch[Symbol.asyncDispose]();
});
