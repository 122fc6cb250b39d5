import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Row, Statement } from '../../src/cluster/postgres.ts';
import { askEveryMs, ServerClock } from '../../src/cluster/server-clock.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const startAt = Date.UTC(2026, 11, 3);
const hour = 3_600_000;

/** A worker, and the server it asks; time passes for both alike. */
class World {
  readonly timers = new VirtualClock(startAt);
  /** How far each clock is from the time that passes. */
  workerOff = 0;
  serverOff = 0;
  /** How long an answer takes, and how far in the server looks at its clock. */
  wayMs = 0;
  lookedAt = 0.5;
  fault: Error | null = null;
  asked = 0;
  readonly clock: ServerClock;

  constructor() {
    const wall = {
      now: () => this.timers.now() + this.workerOff,
      schedule: this.timers.schedule.bind(this.timers),
    };
    this.clock = new ServerClock(wall, () => this.timers.now() - startAt);
  }

  readonly run = async (statement: Statement): Promise<readonly Row[]> => {
    expect(statement.text).toContain('clock_timestamp()');
    this.asked += 1;
    if (this.fault !== null) throw this.fault;
    const begun = this.timers.now();
    this.timers.frame += this.wayMs;
    return [{ now: String(begun + Math.round(this.wayMs * this.lookedAt) + this.serverOff) }];
  };

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= askEveryMs) {
      this.timers.runUntil(this.timers.now() + Math.min(left, askEveryMs));
      await setImmediate();
    }
  }

  /** How far the worker is from the server in what it judges by. */
  get off(): number {
    return this.clock.now() - (this.timers.now() + this.serverOff);
  }
}

describe('the clock of a worker', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  test.each([hour, -hour, 3])('is the server’s, however far its own is off (%i ms)', async (off) => {
    world.workerOff = off;
    expect(world.clock.now()).toBe(startAt + off);
    await world.clock.ask(world);
    expect(world.off).toBe(0);
    expect(world.clock.aheadMs).toBe(off);
    await world.pass(60_000);
    expect(world.off).toBe(0);
  });

  test('does not notice when its own is set, and follows the server’s, which may be another one', async () => {
    await using following = await world.clock.follow(world);
    expect(following).toBeDefined();
    world.workerOff = 10 * hour;
    expect([world.off, world.clock.aheadMs]).toEqual([0, 10 * hour]);
    world.serverOff = -3_000;
    expect(world.off).toBe(3_000);
    await world.pass(2 * askEveryMs);
    expect(world.off).toBe(0);
  });

  test('steps only by what an answer can tell: not within its way, and not after a long one', async () => {
    await world.clock.ask(world);
    world.serverOff = 90;
    await world.clock.ask(world);
    expect(world.off).toBe(-90);
    world.wayMs = 1_500;
    world.serverOff = 1_400;
    await world.clock.ask(world);
    expect(world.off).toBe(-1_400);
    // Whenever within it the server looked, it is right by half of it.
    for (world.lookedAt of [0, 1]) {
      world.serverOff += 60_000;
      await world.clock.ask(world);
      expect(Math.abs(world.off)).toBeLessThanOrEqual(750);
    }
    world.wayMs = 2_500;
    world.serverOff += hour;
    await world.clock.ask(world);
    expect(world.off).toBeLessThan(-hour / 2);
  });

  test('believes the first answer however long it took, since its own clock is all it has otherwise', async () => {
    world.workerOff = hour;
    world.wayMs = 4_000;
    await world.clock.ask(world);
    expect(Math.abs(world.off)).toBeLessThanOrEqual(2_000);
  });

  test('goes on while the server is away, and asks it again; a first answer that fails is told', async () => {
    world.fault = new Error('gone');
    await expect(world.clock.follow(world)).rejects.toThrow('gone');
    world.fault = null;
    world.serverOff = hour;
    const following = await world.clock.follow(world);
    world.fault = new Error('gone');
    await world.pass(10 * askEveryMs);
    expect(world.off).toBe(0);
    expect(world.asked).toBe(12);
    world.fault = null;
    world.serverOff = 2 * hour;
    await world.pass(2 * askEveryMs);
    expect(world.off).toBe(0);
    await following[Symbol.asyncDispose]();
    const { asked } = world;
    await world.pass(10 * askEveryMs);
    expect(world.asked).toBe(asked);
  });

  test('counts whole milliseconds, and its timers are those of its machine', async () => {
    world.wayMs = 7;
    await world.clock.ask(world);
    expect(Number.isInteger(world.clock.now())).toBe(true);
    const rung: number[] = [];
    world.clock.schedule(
      function (at = 0) {
        rung.push(at);
        if (at < 2) this.schedule(at + 1, 1_000);
      },
      1_000,
      0,
    );
    world.timers.runUntil(world.timers.now() + 10_000);
    expect(rung).toEqual([0, 1, 2]);
  });
});
