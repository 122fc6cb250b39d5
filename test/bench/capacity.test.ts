import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assumptions, defaults, figuresFrom, linesOf } from '../../bench/capacity-figures.ts';
import {
  type Assumed,
  bottleneckAt,
  layoutFor,
  type Measured,
  onePeak,
  usedBy,
  workersFor,
} from '../../bench/capacity-model.ts';
import { bytes, rowsOf } from '../../bench/capacity-table.ts';

/** Round figures, so that each answer can be worked out by hand. */
const measured: Measured = {
  takenCpuMs: 1,
  foldedCpuMs: 0.25,
  indexBytes: 1_000,
  rowBytes: 2_000,
  walBytes: 3_000,
  records: 2,
  rowsPerSecond: 10_000,
};
const assumed: Assumed = {
  ...{ messageBytes: 100_000, peakFactor: 2, load: 0.5, threads: 1, keptDays: 100, storedFactor: 1.5 },
  ...{ databaseDisk: 4e12, workerDisk: 4e12, network: 1e9, mostWorkers: 8 },
};
const known = { measured, assumed };
/** 100 a second in the mean, 200 at the peak. */
const day = 8_640_000;

test('one engine takes what its thread has time for', () => {
  expect(onePeak(measured, assumed)).toBe(500);
  expect(onePeak(measured, { ...assumed, threads: 2 })).toBe(1_000);
});

test('each worker takes its part and folds the rest, so that more of them bear less and less more', () => {
  // n workers bear p a second where p / n + p (n - 1) / 4 n is 500 ms.
  expect([500, 501, 800, 801, 1_000, 1_001].map((peak) => workersFor(peak, measured, assumed))).toEqual([
    1, 2, 2, 3, 3, 4,
  ]);
  // All time goes into folding: no number of them bears it.
  expect(workersFor(2_000, measured, assumed)).toBe(Number.POSITIVE_INFINITY);
  expect(workersFor(0.001, measured, assumed)).toBe(1);
});

test('how each part is used, by hand', () => {
  expect(usedBy(day, 2, known)).toEqual({
    // 100 ms of its own and 25 of the other's, of 500.
    'worker CPU': 0.25,
    // 400 rows of 5,000.
    'writing the log': 0.08,
    // 1.728 TB of 2.
    'database disk': 0.864,
    'worker disk': 0.432,
    // 20 MB of its own part in and out, and 0.4 MB of rows, of 500 MB.
    'worker network': 0.0408,
  });
});

test('a layout bears its load with one worker lost, in as few cells as hold it', () => {
  const one = layoutFor(day, measured, assumed);
  expect(one).toMatchObject({ cells: 1, workers: 2, first: 'database disk', peakPerSecond: 200 });
  expect(one.used['worker CPU']).toBe(0.4);
  expect([one.databaseBytes, one.indexBytes, one.walBytesPerSecond, one.bodyBytes]).toEqual([
    1.728e12, 0.864e12, 600_000, 129.6e12,
  ]);
  // 2 TB of disk hold 10 million a day for 100 days.
  expect(layoutFor(10_000_000, measured, assumed).cells).toBe(1);
  expect(layoutFor(10_000_001, measured, assumed).cells).toBe(2);
  for (const perDay of [1e5, 1e6, 1e7, 1e8, 1e9]) {
    const { cells, used } = layoutFor(perDay, measured, assumed);
    expect(cells).toBe(Math.ceil(perDay / 1e7));
    expect(Math.max(...Object.values(used))).toBeLessThanOrEqual(1);
  }
});

test('where disks are no matter, the folding is what ends a cell', () => {
  const roomy = { ...assumed, databaseDisk: 1e18, workerDisk: 1e18 };
  // 8 workers, of which 7 bear it: 1,400 a second.
  const most = (1_400 / 2) * 86_400;
  expect(layoutFor(most, measured, roomy)).toMatchObject({ cells: 1, workers: 8, first: 'worker CPU' });
  expect(layoutFor(most * 1.01, measured, roomy)).toMatchObject({ cells: 2 });
});

test('ten times as much on the same machines shows what gives way first', () => {
  const layout = layoutFor(day, measured, assumed);
  expect(bottleneckAt(1, layout, known)).toEqual({ part: 'database disk', used: 0.864 });
  const roomy = { ...assumed, databaseDisk: 1e18, workerDisk: 1e18 };
  expect(bottleneckAt(10, layout, { measured, assumed: roomy })).toEqual({ part: 'worker CPU', used: 2.5 });
});

test('a load that no number of cells bears is refused', () => {
  expect(() => layoutFor(1e9, measured, { ...assumed, workerDisk: 1 })).toThrow(RangeError);
});

const line = (bench: string, unit: string, median: number, peer = 'daybook') =>
  `${JSON.stringify({ bench, peer, unit, median, min: 0, max: 0, rounds: 3 })}\n`;

test('figures are those of the last bench, and else those that were recorded, each with its source', () => {
  const text = [
    line('76800x50', 'CPU ms/message', 9, 'postfix'),
    line('76800x50', 'CPU ms/message', 0.5),
    line('cluster-fold', 'rows bytes/message', 1_000),
    line('cluster-fold', 'rows bytes/message', 1_500),
  ].join('');
  const { measured: figures, sources } = figuresFrom(linesOf(text));
  expect(figures).toMatchObject({ takenCpuMs: 0.5, rowBytes: 1_500, indexBytes: defaults.indexBytes.value });
  expect([sources.rowBytes, sources.indexBytes]).toEqual(['measured: cluster-fold', defaults.indexBytes.source]);
  expect(() => figuresFrom(linesOf(line('cluster-fold', 'WAL bytes/message', 0)))).toThrow(/WAL bytes/);
});

test('everything that is assumed is told, up to a billion messages a day', () => {
  expect(Object.keys(assumptions.what).toSorted()).toEqual(Object.keys(assumptions.values).toSorted());
  const { measured: figures } = figuresFrom([]);
  const { cells, used } = layoutFor(1e9, figures, assumptions.values);
  expect(cells).toBeGreaterThan(10);
  expect(Math.max(...Object.values(used))).toBeLessThanOrEqual(1);
});

test('the table of the documentation is the one that the model makes of what was recorded', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/cluster.md'), 'utf8');
  const [, table = ''] = /<!-- capacity -->\n([\s\S]*?)<!-- \/capacity -->/.exec(page) ?? [];
  const { measured: figures } = figuresFrom([]);
  expect(table.trimEnd().split('\n').slice(2)).toEqual(rowsOf([1e5, 1e6, 1e7, 1e8, 1e9], figures, assumptions.values));
});

test('bytes are told in the unit that a person would take', () => {
  expect([999, 1e6, 5.34e12, 4.2e16].map(bytes)).toEqual(['1.0 KB', '1.0 MB', '5.3 TB', '42 PB']);
});
