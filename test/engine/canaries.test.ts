import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCanaries } from '../../src/engine/canaries.ts';
import type { CanaryBook } from '../../src/engine/canaries.types.ts';
import { type CanaryState, standingOf } from '../../src/engine/canary-book.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { eventually } from '../support/eventually.ts';
import { flipBit } from '../support/folders.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const [second, minute] = [1_000, 60_000];
const noon = Date.UTC(2026, 10, 30, 12);
const canary = {
  host: 'mx.north.example',
  from: 'a@north.example',
  to: 'b@north.example',
  interval: '1h',
  limit: '10m',
};

/** One definition with a canary, over many lives of an engine on one folder and one clock. */
class World implements AsyncDisposable {
  readonly clock = new VirtualClock(noon);
  readonly events: EventDraft[] = [];
  readonly logged: string[] = [];
  readonly sent: string[] = [];
  /** When a copy of it came as mail like any other. */
  readonly ordinary = new Map<string, number>();
  listening = true;
  runs: 'this' | 'another' | 'nobody' = 'this';
  /** What was said last of the canary of the definition, and by whom. */
  board: { readonly by: 'this' | 'another'; readonly state: CanaryState } | null = null;
  refusal: string | null = null;
  definitions: readonly { readonly id: string; readonly canary?: typeof canary }[] = [{ id: 'exchange', canary }];
  readonly folder: string;
  #book: (CanaryBook & AsyncDisposable) | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'daybook-canaries-')));
    await world.start();
    return world;
  }

  get book(): CanaryBook {
    if (this.#book === undefined) throw new Error('not started');
    return this.#book;
  }

  async start(): Promise<void> {
    this.#book = await openCanaries({
      dataDir: this.folder,
      definitions: () => this.definitions.map(({ id, ...config }) => ({ id, config: { id, ...config } as never })),
      listens: () => this.listening,
      runs: () => this.runs,
      said: () => (this.board?.by === 'another' ? this.board.state : undefined),
      say: (_, state) => {
        if (this.runs === 'this') this.board = { by: 'this', state };
      },
      send: async ({ messageId }) => {
        if (this.refusal !== null) throw new Error(this.refusal);
        this.sent.push(messageId);
      },
      read: async (messageId) => ({ messageId, receivedAt: this.clock.now() }),
      seek: async (_, { messageId }) => this.ordinary.get(messageId) ?? null,
      note: (draft) => void this.events.push(draft),
      changed: () => undefined,
      clock: this.clock,
      log: (level, text) => void this.logged.push(`${level} ${text}`),
    });
  }

  async stop(): Promise<void> {
    await this.#book?.[Symbol.asyncDispose]();
  }

  /** Look by look, with time between them for what a look began. */
  async pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.clock.now() < until) {
      this.clock.runUntil(this.clock.now() + second);
      // A canary is handed over once its state is on the disk, which takes real time.
      const isHandedOver = (): boolean => this.book.of('exchange')?.state.underWay?.taken !== false;
      if (!isHandedOver()) await eventually(async () => isHandedOver());
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
    }
  }

  /** Another engine has run the definition, and has come as far with its canary; now it is this one's again. */
  async takesOver(): Promise<void> {
    const state = this.book.of('exchange')?.state;
    this.runs = 'another';
    await this.pass(2 * second);
    this.board = state === undefined ? null : { by: 'another', state };
    this.runs = 'this';
  }

  standing(): string {
    const view = this.book.of('exchange');
    return view === null ? 'none' : standingOf(view.state);
  }

  /** The journal copy of the last canary comes. */
  async comes(): Promise<void> {
    this.book.arrived('exchange', this.sent.at(-1) ?? '');
    await eventually(async () => this.book.of('exchange')?.state.underWay === null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }
}

test('one goes out at once, and each hour another; what comes in time passes and is no event', async () => {
  await using world = await World.open();
  await world.pass(second);
  expect([world.sent.length, world.standing()]).toEqual([1, 'waiting']);
  await world.comes();
  expect(world.standing()).toBe('passed');
  await world.pass(59 * minute);
  expect(world.sent).toHaveLength(1);
  await world.pass(2 * minute);
  expect(new Set(world.sent).size).toBe(2);
  expect(world.events).toEqual([]);
});

test('one whose copy does not come within the limit is missing, told once, and over with the next that comes', async () => {
  await using world = await World.open();
  await world.pass(9 * minute);
  expect(world.standing()).toBe('waiting');
  await world.pass(2 * minute);
  expect(world.standing()).toBe('missing');
  await world.pass(60 * minute);
  expect([world.book.of('exchange')?.state.missed, world.events.map(({ type }) => type)]).toEqual([
    2,
    ['canary.missed'],
  ]);
  await world.pass(50 * minute);
  expect(world.sent).toHaveLength(3);
  await world.comes();
  expect(world.standing()).toBe('passed');
  expect(world.events.at(-1)).toMatchObject({ type: 'canary.recovered', severity: 'info', data: { missed: 2 } });
});

test('a copy that came as ordinary mail, under an alias, is found before the canary is called missing', async () => {
  await using world = await World.open();
  await world.pass(second);
  world.ordinary.set(world.sent[0] ?? '', world.clock.now() + minute);
  await world.pass(11 * minute);
  expect([world.standing(), world.events]).toEqual(['passed', []]);
});

test('a missing one is looked for among ordinary mail once a minute, and found late', async () => {
  await using world = await World.open();
  await world.pass(11 * minute);
  expect(world.standing()).toBe('missing');
  world.ordinary.set(world.sent[0] ?? '', world.clock.now());
  await world.pass(minute + second);
  expect(world.standing()).toBe('late');
});

test('in a cluster a start forgets none before it is clear who runs the definition, and only that one sends', async () => {
  await using world = await World.open();
  await world.pass(11 * minute);
  expect(world.standing()).toBe('missing');
  await world.stop();
  world.runs = 'nobody';
  await world.start();
  await world.pass(2 * 60 * minute);
  expect([world.standing(), world.sent.length]).toEqual(['missing', 1]);
  world.runs = 'this';
  await world.pass(second);
  expect([world.standing(), world.sent.length]).toEqual(['missing', 2]);
  world.runs = 'another';
  await world.pass(2 * 60 * minute);
  expect([world.standing(), world.sent.length]).toEqual(['waiting', 2]);
  world.runs = 'this';
  await world.pass(second);
  expect([world.standing(), world.sent.length]).toEqual(['waiting', 3]);
});

test('while nobody listens none is sent, and none is called missing', async () => {
  await using world = await World.open();
  await world.pass(5 * minute);
  world.listening = false;
  await world.pass(120 * minute);
  expect([world.sent.length, world.standing()]).toEqual([1, 'waiting']);
  world.listening = true;
  await world.pass(4 * minute);
  expect(world.standing()).toBe('waiting');
  await world.pass(2 * minute);
  expect(world.standing()).toBe('missing');
});

test('what is under way, missing and counted outlives a restart, and a copy that comes after it counts', async () => {
  await using world = await World.open();
  await world.pass(75 * minute);
  const before = world.book.of('exchange')?.state;
  expect([before?.missed, world.sent.length]).toEqual([2, 2]);
  await world.pass(46 * minute);
  expect(world.sent).toHaveLength(3);
  await world.stop();
  await world.start();
  expect([world.standing(), world.book.of('exchange')?.state.missed]).toEqual(['missing', 2]);
  await world.pass(minute);
  expect(world.sent, 'none is sent twice').toHaveLength(3);
  await world.comes();
  expect(world.standing()).toBe('passed');
});

test('a server that takes none is a state of its own, and its first canary afterwards is waited for', async () => {
  await using world = await World.open();
  world.refusal = 'Connection refused';
  await world.pass(second);
  expect(world.standing()).toBe('unsent');
  world.refusal = null;
  await world.pass(4 * minute);
  expect(world.sent).toHaveLength(0);
  await world.pass(2 * minute);
  expect([world.sent.length, world.standing()]).toEqual([1, 'waiting']);
  expect(world.events).toMatchObject([{ type: 'canary.unsent', data: { reason: 'Connection refused' } }]);
});

test('who takes a definition over goes on with its canary: missing still, told once, and no hour begun anew', async () => {
  await using world = await World.open();
  await world.pass(11 * minute);
  expect(world.standing()).toBe('missing');
  await world.takesOver();
  await world.pass(30 * minute);
  expect([world.standing(), world.sent.length]).toEqual(['missing', 1]);
  expect(world.events.map(({ type }) => type)).toEqual(['canary.missed']);
  await world.pass(20 * minute);
  expect(world.sent).toHaveLength(2);
  await world.comes();
  expect(world.events.map(({ type }) => type)).toEqual(['canary.missed', 'canary.recovered']);
});

test('the copy of a canary that another one has sent is known by who took the definition over', async () => {
  await using world = await World.open();
  await world.pass(second);
  await world.takesOver();
  await world.pass(2 * second);
  await world.comes();
  expect([world.standing(), world.sent.length]).toEqual(['passed', 1]);
});

test('another mailbox begins anew, a definition without a canary has no state, a damaged file none either', async () => {
  await using world = await World.open();
  await world.pass(11 * minute);
  expect(world.standing()).toBe('missing');
  world.definitions = [{ id: 'exchange', canary: { ...canary, to: 'c@north.example' } }];
  await world.pass(second);
  expect([world.standing(), world.sent.length]).toEqual(['waiting', 2]);
  world.definitions = [{ id: 'exchange' }];
  await world.pass(second);
  expect(world.standing()).toBe('none');
  world.definitions = [{ id: 'exchange', canary }];
  await world.pass(second);
  await world.stop();
  await flipBit(join(world.folder, 'canaries.state'), 70, 1);
  await world.start();
  expect(world.logged).toEqual(['warn what is known of the canaries is damaged; they begin anew']);
});
