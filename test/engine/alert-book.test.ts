import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acknowledge, follow, isOpen, maxOpen } from '../../src/engine/alert-book.ts';
import type { Alert, Trouble } from '../../streams/alert.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const down: Trouble = {
  kind: 'down',
  definition: 'exchange',
  severity: 'error',
  text: 'no message for 3 h',
  advice: null,
  since: 0,
  figure: null,
};
const held = (figure: number): Trouble => ({
  ...down,
  kind: 'held',
  severity: 'warning',
  figure,
  text: `${figure} held`,
});

/** Looks every five seconds, as the engine does, and tells the steps with their minute. */
class World {
  alerts: readonly Alert[] = [];
  troubles: readonly Trouble[] = [];
  readonly told: string[] = [];
  now = 0;
  #ids = 0;

  pass(until: number, stepMs = 5_000): this {
    for (; this.now <= until; this.now += stepMs) this.look();
    return this;
  }

  look(): void {
    const newId = () => {
      this.#ids += 1;
      return `A${this.#ids}`;
    };
    const { alerts, steps } = follow(this.alerts, this.troubles, { now: this.now, newId });
    this.alerts = alerts;
    for (const { step, alert } of steps) this.told.push(`${Math.floor(this.now / minute)} ${step} ${alert.kind}`);
  }

  acknowledge(): void {
    this.alerts = this.alerts.map((alert) => acknowledge(alert, { at: this.now, by: 'olga', note: null }));
  }
}

test('down is told at once, again each hour, and after five notices that nobody acknowledged it is escalated', () => {
  const world = new World();
  world.troubles = [down];
  world.pass(7 * hour);
  expect(world.told).toEqual([
    '0 raised down',
    '60 reminded down',
    '120 reminded down',
    '180 reminded down',
    '240 reminded down',
    '300 escalated down',
    '360 reminded down',
    '420 reminded down',
  ]);
});

test('acknowledged, nobody is asked again; its end is told all the same', () => {
  const world = new World();
  world.troubles = [down];
  world.pass(30 * minute).acknowledge();
  world.pass(2 * day);
  world.troubles = [];
  world.pass(2 * day + 5 * minute);
  expect(world.told).toEqual(['0 raised down', '2881 resolved down']);
  expect(world.alerts[0]).toMatchObject({ resolvedAt: 2 * day, acknowledged: { by: 'olga' } });
});

test('what comes and goes within a minute is one alert, and what comes back later another one', () => {
  const world = new World();
  for (let turn = 0; turn < 20; turn += 1) {
    world.troubles = turn % 2 === 0 ? [down] : [];
    world.pass((turn + 1) * 50_000);
  }
  expect(world.told).toEqual(['0 raised down']);
  world.troubles = [];
  world.pass(hour);
  world.troubles = [down];
  world.pass(hour + minute);
  expect(world.told).toEqual(['0 raised down', '16 resolved down', '60 raised down']);
});

test('a warning is told once a day and not escalated; that it became urgent is told at once, acknowledged or not', () => {
  const world = new World();
  world.troubles = [{ ...down, kind: 'disk', severity: 'warning' }];
  world.pass(6 * day, minute).acknowledge();
  expect(world.told).toHaveLength(7);
  expect(world.told.filter((each) => each.includes('escalated'))).toEqual([]);
  world.troubles = [{ ...down, kind: 'disk', severity: 'error' }];
  world.pass(6 * day + 5 * minute, minute);
  expect(world.told.at(-1)).toBe(`${6 * 1_440 + 1} worsened disk`);
  expect(world.alerts[0]?.acknowledged).toBeNull();
});

test('more of what was acknowledged is news, a day after the last notice at the soonest', () => {
  const world = new World();
  world.troubles = [held(2)];
  world.pass(hour, minute).acknowledge();
  world.pass(3 * day, minute);
  world.troubles = [held(5)];
  world.pass(4 * day, minute);
  world.troubles = [held(9)];
  world.acknowledge();
  world.pass(5 * day, minute);
  expect(world.told).toEqual(['0 raised held', `${3 * 1_440 + 1} worsened held`, `${4 * 1_440 + 1} worsened held`]);
});

test('a restart in between changes nothing: time is in the alerts', () => {
  const world = new World();
  world.troubles = [down];
  world.pass(90 * minute);
  world.alerts = JSON.parse(JSON.stringify(world.alerts));
  world.pass(3 * hour);
  expect(world.told.map((each) => each.split(' ')[0])).toEqual(['0', '60', '120', '180']);
});

test('a clock that was put back by a day silences nobody for longer than the usual hour', () => {
  const world = new World();
  world.now = 2 * day;
  world.troubles = [down];
  world.look();
  world.now = day;
  world.pass(day + 2 * hour, minute);
  expect(world.told.map((each) => each.split(' ')[1])).toEqual(['raised', 'reminded', 'reminded']);
});

test('what only a session shows is not called over before one could have been made after a start', () => {
  const world = new World();
  world.troubles = [{ ...down, kind: 'mailbox', severity: 'warning' }];
  world.pass(minute);
  world.troubles = [];
  world.pass(hour);
  expect(world.told).toEqual(['0 raised mailbox']);
  world.pass(3 * hour);
  expect(world.told.at(-1)).toBe('121 resolved mailbox');
});

test('ten thousand troubles are a thousand alerts, the urgent ones first', () => {
  const world = new World();
  world.troubles = Array.from({ length: 10_000 }, (_, at) => ({
    ...down,
    definition: `d${at}`,
    severity: at % 100 === 99 ? 'error' : 'warning',
  }));
  world.look();
  expect(world.alerts).toHaveLength(maxOpen);
  expect(world.alerts.filter(({ severity }) => severity === 'error')).toHaveLength(100);
  world.troubles = [];
  world.pass(hour);
  expect(world.alerts.length).toBeLessThanOrEqual(200);
  world.pass(8 * day, minute);
  expect(world.alerts).toEqual([]);
});

test('whatever comes and goes: one open alert for each trouble, each raised once and resolved once, never without a raise', () => {
  const kinds = ['down', 'held', 'disk'] as const;
  const look = fc.record({ present: fc.subarray([...kinds]), forMs: fc.integer({ min: 5_000, max: 2 * hour }) });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 40 }), (looks) => {
      const world = new World();
      for (const { present, forMs } of looks) {
        world.troubles = present.map((kind) => ({ ...down, kind }));
        world.look();
        world.now += forMs;
        world.look();
        const open = world.alerts.filter(isOpen).map(({ kind }) => kind);
        expect(new Set(open).size).toBe(open.length);
        expect(present.every((kind) => open.includes(kind))).toBe(true);
      }
      for (const kind of kinds) {
        const ends = world.told.filter((each) => each.endsWith(` ${kind}`)).map((each) => each.split(' ')[1]);
        const edges = ends.filter((each) => each === 'raised' || each === 'resolved');
        expect(edges.every((each, at) => each === (at % 2 === 0 ? 'raised' : 'resolved'))).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
