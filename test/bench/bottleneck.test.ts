import { expect, test } from 'vitest';
import { bottleneckOf, mostThroughRow, otherMs, ratioOfWorkers, type Used } from '../../bench/bottleneck.ts';

const idle: Used = {
  'share of a worker': null,
  'cores of the machine': 0.3,
  'thread of a worker': 0.4,
  'row of the log': 0.5,
  sender: 0.1,
};

test('what is full is the bottleneck, and where nothing is, nothing is named', () => {
  expect(bottleneckOf(idle)).toBeNull();
  expect(bottleneckOf({ ...idle, 'row of the log': 0.9 })).toBe('row of the log');
  expect(bottleneckOf({ ...idle, 'row of the log': 0.89 })).toBeNull();
  expect(bottleneckOf({ ...idle, sender: 1 })).toBe('sender');
});

test('what makes others look full comes before them, however full those are', () => {
  const row = { ...idle, 'row of the log': 0.99 };
  expect(bottleneckOf({ ...row, 'thread of a worker': 0.91 })).toBe('thread of a worker');
  expect(bottleneckOf({ ...row, 'cores of the machine': 0.92, 'thread of a worker': 0.95 })).toBe(
    'cores of the machine',
  );
  // A worker that uses up its part is the limit on a busy machine too: it has got that part.
  expect(bottleneckOf({ ...row, 'share of a worker': 0.93, 'cores of the machine': 1 })).toBe('share of a worker');
  expect(bottleneckOf({ ...row, 'share of a worker': 0.6, 'cores of the machine': 1 })).toBe('cores of the machine');
});

test('the order in which parts are told does not matter for the rule', () => {
  const full = { ...idle, 'cores of the machine': 0.95, 'row of the log': 0.95 };
  const turned = Object.fromEntries(Object.entries(full).toReversed()) as unknown as Used;
  expect(bottleneckOf(turned)).toBe('cores of the machine');
});

test('the ratio of two workers by hand', () => {
  // Nothing for the other: twice as much. As much as for its own: no more than one.
  expect(ratioOfWorkers({ alone: 1, both: 1 })).toBe(2);
  expect(ratioOfWorkers({ alone: 1, both: 2 })).toBe(1);
  // A fourth of a taking for each message of the other is what 1.6 allows.
  expect(ratioOfWorkers({ alone: 0.4, both: 0.5 })).toBeCloseTo(1.6);
  expect(otherMs({ alone: 0.4, both: 0.5 })).toBeCloseTo(0.1);
});

test('the row lets through what it would if it were never free', () => {
  expect(mostThroughRow(0.5, 300)).toBe(600);
  expect(mostThroughRow(0, 300)).toBe(Number.POSITIVE_INFINITY);
});
