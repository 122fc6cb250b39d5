import { expect, test } from 'vitest';
import type { EngineStatusAnswer, StatusAnswer } from '../../src/cli/answers.types.ts';
import {
  checkLine,
  judgeStatus,
  parseThreshold,
  readCount,
  readSeconds,
  type Thresholds,
  without,
} from '../../src/cli/status-check.ts';
import { statusAnswer } from '../support/status-answer.ts';

const none = { warning: undefined, critical: undefined };
const noThresholds: Thresholds = { queue: none, oldest: none, extract: none, diskDays: none };
const definition = (changes: Partial<StatusAnswer> = {}): StatusAnswer =>
  statusAnswer({
    lastSuccessfulExtract: '2026-01-31T07:00:00.000Z',
    processingQueue: { messages: 12, bytes: 4096, oldest: '2026-01-31T07:59:00.000Z' },
    counts: { received: 100, archived: 88 },
    ...changes,
  });
const statusWith = (changes: Partial<StatusAnswer> = {}, engine: object = {}): EngineStatusAnswer => ({
  engine: {
    version: '1',
    startedAt: '2026-01-01T00:00:00.000Z',
    now: '2026-01-31T08:00:00.000Z',
    ready: true,
    warnings: [],
    ...engine,
  },
  definitions: [definition(changes)],
});
const judged = (changes: Partial<StatusAnswer>, thresholds: Partial<Thresholds> = {}, engine = {}) =>
  judgeStatus(statusWith(changes, engine), { ...noThresholds, ...thresholds });

test('all well is OK and 0, with the figures behind the bar', () => {
  const result = judged({}, { queue: { warning: 1000, critical: 10_000 } });
  expect(result).toMatchObject({ state: 'ok', code: 0 });
  expect(checkLine(result)).toBe(
    "DAYBOOK OK - 1 definitions, 12 in process | 'exchange.queue'=12;1000;10000;0 'exchange.queue_bytes'=4096B;;;0 " +
      "'exchange.oldest'=60s;;;0 'exchange.extract'=3600s;;;0 'exchange.received'=100c;;;0 'exchange.archived'=88c;;;0\n",
  );
});

test('a definition that is down or in error is critical and 2, with its reason; a suspended one is a warning and 1', () => {
  const down = judged({ serviceStatus: 'down', reason: 'inactivity', hint: 'no message for 180 minutes' });
  expect(down).toMatchObject({
    state: 'critical',
    code: 2,
    text: 'exchange is Down (inactivity, no message for 180 minutes)',
  });
  expect(judged({ serviceStatus: 'error', reason: 'auth' })).toMatchObject({ code: 2 });
  expect(judged({ serviceStatus: 'suspended' })).toMatchObject({ code: 1, text: 'exchange is Suspended' });
  expect(judged({ serviceStatus: 'awaiting-initial-run', lastSuccessfulExtract: null })).toMatchObject({ code: 0 });
});

test('an engine that is not ready and stored mail at risk are critical, other warnings are warnings', () => {
  expect(judged({}, {}, { ready: false })).toMatchObject({ code: 2, text: 'the engine is not ready' });
  const warnings = (code: string) => ({ warnings: [{ code, text: 'words' }] });
  for (const code of ['damaged', 'damage-found', 'storage'])
    expect(judged({}, {}, warnings(code))).toMatchObject({ code: 2, text: 'words' });
  expect(judged({}, {}, warnings('overloaded'))).toMatchObject({ code: 1, text: 'words' });
  expect(judged(warnings('backlog'))).toMatchObject({ code: 1, text: 'exchange: words' });
});

test('a figure is a warning from its threshold on, and critical from the second on', () => {
  const pair = { warning: 60, critical: 120 };
  const aged = (seconds: number) => ({
    processingQueue: {
      messages: seconds,
      bytes: 0,
      oldest: new Date(Date.UTC(2026, 0, 31, 8) - seconds * 1000).toISOString(),
    },
  });
  for (const name of ['queue', 'oldest'] as const) {
    expect([59, 60, 119, 120].map((seconds) => judged(aged(seconds), { [name]: pair }).code)).toEqual([0, 1, 1, 2]);
  }
  expect([3601, 3600, 3599].map((warning) => judged({}, { extract: { ...none, warning } }).code)).toEqual([0, 1, 1]);
});

test('a definition that waits for its first run or is suspended is not late', () => {
  const extract = { warning: 1, critical: 2 };
  expect(judged({ serviceStatus: 'suspended' }, { extract })).toMatchObject({ code: 1, text: 'exchange is Suspended' });
  const waiting = judged({ serviceStatus: 'awaiting-initial-run', lastSuccessfulExtract: null }, { extract });
  expect(waiting.code).toBe(0);
  expect(checkLine(waiting)).toContain("'exchange.extract'=U ");
});

test('the worst comes first, and the line is one line whatever stands in it', () => {
  const result = judged(
    { serviceStatus: 'error', reason: 'connect', hint: 'a|b\nc\u001b[31m' },
    {},
    { warnings: [{ code: 'overloaded', text: 'busy' }] },
  );
  expect(checkLine(result)).toMatch(
    /^DAYBOOK CRITICAL - exchange is Error \(connect, a\/b\?c\?\[31m\), busy \| [^|\n]*\n$/,
  );
  expect(checkLine(without('unknown', 'no'))).toBe('DAYBOOK UNKNOWN - no\n');
});

test('days of disk are a warning at the threshold and below it; none known is none', () => {
  const diskDays = { warning: 30, critical: 7 };
  const left = (daysLeft: number | null) =>
    judgeStatus(statusWith(), { ...noThresholds, diskDays }, { disk: { freeBytes: 4096 }, growth: { daysLeft } });
  expect([31, 30, 7.5, 7, null].map((days) => left(days).code)).toEqual([0, 1, 1, 2, 0]);
  expect(left(7).text).toBe('the disk has room for 7 days');
  expect(checkLine(left(31))).toMatch(/ 'disk_days'=31;30:;7:;0 'disk_free'=4096B;;;0\n$/);
  expect(checkLine(left(null))).toContain(" 'disk_days'=U ");
  expect(parseThreshold('30,7', readCount, 'less')).toEqual(diskDays);
  expect(parseThreshold('7,30', readCount, 'less')).toBeUndefined();
});

test('a threshold is one value or two that rise', () => {
  expect(parseThreshold('1000,10000', readCount)).toEqual({ warning: 1000, critical: 10_000 });
  expect(parseThreshold('30m', readSeconds)).toEqual({ warning: 1800, critical: undefined });
  expect(parseThreshold('500ms,2h', readSeconds)).toEqual({ warning: 0.5, critical: 7200 });
  expect(parseThreshold(undefined, readCount)).toEqual(none);
  for (const wrong of ['', ',', '1,', ',1', '2,1', '1,2,3', '-1', '1e3', 'many'])
    expect(parseThreshold(wrong, readCount), wrong).toBeUndefined();
  for (const wrong of ['30', '1h,30m', '30m,']) expect(parseThreshold(wrong, readSeconds), wrong).toBeUndefined();
});
