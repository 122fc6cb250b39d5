import { expect, test } from 'vitest';
import { chartOf } from '../../machines/chart.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { arrowBetween, currentIn, layoutOf, nextOf } from '../../src/console/pages/live/chart-layout.ts';
import { attemptsOf, rateOf, rateText, type Sums, withSample } from '../../src/console/pages/live/pipeline-model.ts';
import { dayMs, stretchesOf } from '../../src/console/pages/live/timeline-model.ts';
import { bytes, countdown, relative } from '../../src/console/words.ts';
import type { EventItem } from '../../src/http/intake.schema.ts';

const chart = chartOf(journalMachine);

test('every state has its place inside its parent, and none lies on another', () => {
  for (const widest of [400, 760, 1200]) {
    const { boxes, width, height } = layoutOf(chart, widest);
    expect(boxes.map(({ node }) => node.id)).toEqual(expect.arrayContaining(chart.nodes.map(({ id }) => id)));
    for (const box of boxes) {
      const parent = boxes.find(({ node }) => node.id === box.node.parent) ?? { x: 0, y: 0, width, height };
      expect([box.x >= parent.x, box.y >= parent.y]).toEqual([true, true]);
      expect(box.x + box.width, box.node.id).toBeLessThanOrEqual(parent.x + parent.width);
      expect(box.y + box.height, box.node.id).toBeLessThanOrEqual(parent.y + parent.height);
      for (const other of boxes) {
        if (other === box || other.node.parent !== box.node.parent) continue;
        const apart =
          other.x >= box.x + box.width ||
          box.x >= other.x + other.width ||
          other.y >= box.y + box.height ||
          box.y >= other.y + other.height;
        expect(apart, `${box.node.id} and ${other.node.id}`).toBe(true);
      }
    }
  }
});

test('an arrow is a path of numbers, whichever way it leads', () => {
  const { boxes } = layoutOf(chart, 760);
  for (const from of boxes) {
    for (const to of boxes) if (from !== to) expect(arrowBetween(from, to)).toMatch(/^M[-\d. ]+[CH][-\d. ]+$/);
  }
});

test('the current states are those of the value, and what can come next leads out of them', () => {
  const value = {
    connection: { enabled: { health: 'active', session: { smtp: 'listening' } } },
    processing: { draining: 'open' },
  };
  const current = currentIn(chart, value);
  const ids = chart.nodes.map(({ id }) => id);
  expect([...current].every((id) => ids.includes(id))).toBe(true);
  expect(current.has('connection_enabled_session_smtp_listening')).toBe(true);
  const next = nextOf(chart, current);
  expect(next.every(({ from, stays }) => current.has(from) && !stays)).toBe(true);
  expect(next.map(({ label }) => label)).toContain('operator.suspend');
});

const none: Sums = { received: 0, archived: 0, matched: 0, skipped: 0, held: 0, quarantined: 0 };

test('a rate is what came in the last half minute, and none where too little is known', () => {
  let samples = withSample([], { at: 0, sums: none });
  samples = withSample(samples, { at: 2_000, sums: { ...none, received: 4 } });
  expect(rateOf(samples, 'received')).toBeNull();
  samples = withSample(samples, { at: 10_000, sums: { ...none, received: 5 } });
  expect(rateOf(samples, 'received')).toBe(30);
  samples = withSample(samples, { at: 40_000, sums: { ...none, received: 5 } });
  expect([samples.length, rateOf(samples, 'received')]).toEqual([2, 0]);
  expect([rateText(null), rateText(0), rateText(3.26), rateText(120.4)]).toEqual(['…', '0/min', '3.3/min', '120/min']);
});

test('what is released lowers a sum, and is no rate', () => {
  const samples = [
    { at: 0, sums: { ...none, held: 5 } },
    { at: 10_000, sums: { ...none, held: 1 } },
  ];
  expect(rateOf(samples, 'held')).toBe(0);
});

test('what was looked up once waits for the second attempt', () => {
  expect(attemptsOf([{ attempt: 0 }, { attempt: 1 }, { attempt: 1 }], false, 4)).toEqual({
    counts: [1, 2, 0, 0],
    more: false,
  });
  expect(attemptsOf([{ attempt: 6 }], true, 1).counts).toHaveLength(7);
});

const now = Date.UTC(2026, 0, 31, 12);
let seq = 0;
const event = (hoursAgo: number, type: string, data: EventItem['data'] = {}): EventItem => {
  seq += 1;
  const at = new Date(now - hoursAgo * 3_600_000).toISOString();
  return {
    seq,
    at,
    type,
    severity: 'info',
    actor: 'engine',
    definition: 'exchange',
    intakeId: null,
    entryId: null,
    data,
  };
};
const day = (events: readonly EventItem[], status: Parameters<typeof stretchesOf>[1]): readonly string[] =>
  stretchesOf(events.toReversed(), status, now).map(
    ({ state, from, until }) => `${state} ${(until - from) / 3_600_000}`,
  );
const hoursAgo = (hours: number): string => new Date(now - hours * 3_600_000).toISOString();
const extract = hoursAgo(1);

test('a day is told from its events, what came before them is not known', () => {
  const events = [
    event(10, 'definition.created', { new: { suspended: false } }),
    event(9, 'run.first'),
    event(6, 'connector.down'),
    event(5, 'connector.recovered', { from: 'down' }),
    event(4, 'definition.suspended', { new: { suspended: true } }),
    event(3, 'definition.enabled', { new: { suspended: false } }),
    event(2, 'connector.error', { kind: 'bind' }),
    event(1, 'connector.recovered', { from: 'error' }),
    event(0.5, 'item.held-summary'),
  ];
  const status = { serviceStatus: 'active', since: hoursAgo(1), lastSuccessfulExtract: extract } as const;
  expect(day(events, status)).toEqual([
    ...['unknown 14', 'awaiting-initial-run 1', 'active 3', 'down 1', 'active 1', 'suspended 1', 'active 1'],
    ...['error 1', 'active 1'],
  ]);
});

test('an event from before the day says how it began; a stopped engine is a stretch of its own', () => {
  const events = [event(40, 'connector.down'), event(8, 'engine.stopping'), event(6, 'engine.restored')];
  const status = { serviceStatus: 'down', since: hoursAgo(40), lastSuccessfulExtract: hoursAgo(50) } as const;
  expect(day(events, status)).toEqual(['down 16', 'stopped 2', 'down 6']);
});

test('before its first run a definition awaits it, and a status that no event tells of is believed', () => {
  const events = [
    event(30, 'definition.created', { new: {} }),
    event(3, 'connector.error'),
    event(2, 'connector.recovered'),
  ];
  const status = { serviceStatus: 'awaiting-initial-run', since: hoursAgo(2), lastSuccessfulExtract: null } as const;
  expect(day(events, status)).toEqual(['awaiting-initial-run 21', 'error 1', 'awaiting-initial-run 2']);
  const down = { serviceStatus: 'down', since: hoursAgo(1), lastSuccessfulExtract: extract } as const;
  expect(day([], down)).toEqual(['unknown 23', 'down 1']);
  expect(dayMs).toBe(86_400_000);
});

test('figures read as people write them', () => {
  expect([bytes(0), bytes(1023), bytes(75_000), bytes(3 * 1024 ** 3)]).toEqual(['0 B', '1023 B', '73.2 KB', '3.0 GB']);
  expect([countdown(0), countdown(65_000), countdown(7_199_001)]).toEqual(['0:00', '1:05', '2:00:00']);
  expect([countdown(86_400_000), countdown(2 * 86_400_000 - 1_000)]).toEqual(['1 d 0:00:00', '1 d 23:59:59']);
  expect([relative(0, 500), relative(0, 200_000), relative(90_000, 0)]).toEqual(['now', '3 min ago', 'in 1 min']);
});
