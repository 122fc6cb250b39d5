import { expect, test } from 'vitest';
import type { Definition } from '../../src/engine/definition-book.types.ts';
import { openReminders } from '../../src/engine/reminders.ts';
import type { EventDraft, LoggedEvent } from '../../streams/ports.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** One definition over a log in memory, which outlives the engine. */
class World {
  readonly events: LoggedEvent[] = [];
  clock = new VirtualClock();
  definition: Partial<Definition> = {};
  #open: AsyncDisposable | undefined;

  start(at: number): this {
    this.clock = new VirtualClock(at);
    const definition = { id: 'exchange', suspended: false, suspendedSince: null, createdAt: 0 };
    this.#open = openReminders({
      book: { all: () => [{ ...definition, config: { detailedLogging: false }, ...this.definition } as Definition] },
      events: {
        find: async ({ type }) => ({
          items: this.events.filter((event) => event.type === type).toReversed(),
          next: null,
        }),
      },
      note: (draft) => this.log(draft),
      clock: this.clock,
      log: (_, text, data) => {
        throw new Error(`${text} ${JSON.stringify(data)}`);
      },
    });
    return this;
  }

  log(draft: Partial<EventDraft> & { readonly type: string }): void {
    const event = { seq: this.events.length + 1, at: this.clock.now(), data: {}, ...draft } as LoggedEvent;
    this.events.push(event);
  }

  /** Hour by hour, each look finished before the next. */
  async pass(until: number): Promise<void> {
    while (this.clock.now() < until) {
      this.clock.runUntil(Math.min(until, this.clock.now() + hour));
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stop(): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
  }

  get reminders(): readonly string[] {
    return this.events
      .filter(({ type }) => type === 'config.warning')
      .map(({ at, data }) => `${data['option']} ${Math.floor(at / day)}`);
  }
}

test('suspended: after a day, then each day, over a restart too', async () => {
  const world = new World();
  world.definition = { suspended: true, suspendedSince: 0 };
  world.start(0);
  await world.pass(day - hour);
  expect(world.reminders).toEqual([]);
  await world.pass(2 * day + 2 * hour);
  expect(world.reminders).toEqual(['suspended 1', 'suspended 2']);
  await world.stop();
  world.start(2 * day + 3 * hour);
  await world.pass(3 * day + 3 * hour);
  expect(world.reminders).toEqual(['suspended 1', 'suspended 2', 'suspended 3']);
  await world.stop();
});

test('suspended anew: the day begins anew', async () => {
  const world = new World();
  world.definition = { suspended: true, suspendedSince: 0 };
  world.start(0);
  await world.pass(day + 2 * hour);
  world.definition = { suspended: true, suspendedSince: day + 2 * hour };
  await world.pass(2 * day);
  expect(world.reminders).toEqual(['suspended 1']);
  await world.pass(2 * day + 4 * hour);
  expect(world.reminders).toEqual(['suspended 1', 'suspended 2']);
  await world.stop();
});

test('S13: detailed logging is reminded of after seven days since it was switched on, never sooner, over restarts too', async () => {
  const world = new World();
  world.definition = { config: { detailedLogging: true } as Definition['config'] };
  world.start(0);
  world.log({ type: 'definition.created' });
  await world.pass(3 * day);
  world.log({ type: 'definition.changed', data: { new: { detailedLogging: false } } });
  world.log({ type: 'definition.changed', data: { new: { detailedLogging: true } } });
  await world.pass(10 * day - hour);
  expect(world.reminders).toEqual([]);
  await world.stop();
  world.start(10 * day - hour);
  await world.pass(12 * day);
  await world.stop();
  world.start(12 * day);
  await world.pass(18 * day);
  expect(world.reminders).toEqual(['detailedLogging 10', 'detailedLogging 17']);
  await world.stop();
});
