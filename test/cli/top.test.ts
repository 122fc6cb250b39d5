import { describe, expect, test } from 'vitest';
import type { EngineStatusAnswer, StatusAnswer } from '../../src/cli/answers.types.ts';
import { keysIn, turned } from '../../src/cli/top-command.ts';
import { type TopView, topFrame } from '../../src/cli/top-frame.ts';
import { type History, seriesOf, shortNumber, sparkline, withAnswer } from '../../src/cli/top-history.ts';
import { statusAnswer } from '../support/status-answer.ts';

const start = Date.UTC(2026, 0, 31, 8);
const answer = (
  seconds: number,
  received: readonly number[],
  change: Partial<StatusAnswer> = {},
): EngineStatusAnswer => ({
  engine: {
    version: '0.1.0',
    startedAt: '2026-01-01T00:00:00.000Z',
    now: new Date(start + seconds * 1000).toISOString(),
    ready: true,
    warnings: [],
  },
  definitions: received.map((count, at) =>
    statusAnswer({
      id: `definition-${at + 1}`,
      description: `Definition ${at + 1}`,
      processingQueue: { messages: count % 7, bytes: 0, oldest: null },
      counts: { received: count, archived: count, matched: 0, held: 0, quarantined: 0 },
      ...change,
    }),
  ),
});
const historyOf = (...answers: readonly EngineStatusAnswer[]): History => answers.reduce(withAnswer, [] as History);
const viewOf = (last: EngineStatusAnswer, changes: Partial<TopView> = {}): TopView => ({
  answer: last,
  history: historyOf(last),
  fault: null,
  figure: 'received',
  selected: 0,
  from: '127.0.0.1:8025',
  ...changes,
});

describe('the history', () => {
  test('a figure that grows is messages a second, over the time that the engine says has passed', () => {
    const history = historyOf(answer(0, [10, 0]), answer(2, [16, 1]), answer(4, [16, 1]));
    expect(seriesOf(history, 'received', 'definition-1')).toEqual([3, 0]);
    expect(seriesOf(history, 'received', undefined)).toEqual([3.5, 0]);
    expect(seriesOf(history, 'queue', 'definition-1')).toEqual([3, 2, 2]);
  });

  test('counts that fell, and definitions that were not there, are not known', () => {
    const history = historyOf(answer(0, [10]), answer(2, [4, 9]), answer(4, [5, 10]));
    expect(seriesOf(history, 'received', 'definition-1')).toEqual([null, 0.5]);
    expect(seriesOf(history, 'received', 'definition-2')).toEqual([null, 0.5]);
  });

  test('an answer that is not newer begins it anew, and it never holds more than a screen needs', () => {
    expect(historyOf(answer(4, [1]), answer(4, [2]))).toHaveLength(1);
    expect(historyOf(...Array.from({ length: 400 }, (_, at) => answer(at, [at])))).toHaveLength(301);
  });
});

test('bars go from nothing to the most of what is shown; the newest is at the right', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([100, 0, null, 7], 3)).toBe('▁ █');
  expect(sparkline([0, 0.01, 1000], 5)).toBe('  ▁▂█');
  expect(sparkline([], 3)).toBe('   ');
});

test('numbers are short', () => {
  expect([null, 0, 0.024, 0.5, 1.26, 9.96, 42.4, 99.6, 1234, 123_456].map(shortNumber)).toEqual([
    '—',
    '0',
    '0.02',
    '0.50',
    '1.3',
    '10',
    '42',
    '100',
    '1234',
    '123k',
  ]);
});

describe('the frame', () => {
  test('shows the engine, the sums, every definition with its bars, and what to do', () => {
    const answers = [0, 2, 4].map((seconds) => answer(seconds, [seconds * seconds, seconds]));
    const view = viewOf(answers[2]!, { history: historyOf(...answers), selected: 1 });
    const frame = topFrame(view, { columns: 130, rows: 12 });
    expect(frame[0]).toBe('Daybook 0.1.0 at 127.0.0.1:8025  ready  2026-01-31T08:00:04Z');
    expect(frame[1]).toContain('received 7.0/s');
    expect(frame[3]).toMatch(/^ {2}DEFINITION +STATUS +LAST EXTRACT +QUEUE .* RECEIVED\/S$/);
    expect(frame[4]).toMatch(/^ {2}definition-1 +Active +3 min ago .* 6\.0 +▄█$/);
    expect(frame[5]).toMatch(/^> definition-2 .* 1\.0 +██$/);
    expect(frame.at(-1)).toBe('q quit  ↑↓ select  ←→ figure: received/s');
  });

  test.each([
    [130, 40],
    [80, 24],
    [40, 10],
    [20, 6],
    [8, 3],
    [1, 1],
    [0, 0],
  ])('fits into a window of %i columns and %i rows', (columns, rows) => {
    const many = answer(
      0,
      Array.from({ length: 50 }, (_, at) => at),
    );
    for (const last of [many, { ...many, definitions: [] }]) {
      const frame = topFrame(viewOf(last, { selected: 30 }), { columns, rows });
      expect(frame.length).toBeLessThanOrEqual(rows);
      for (const line of frame) expect([...line].length).toBeLessThanOrEqual(columns);
      if (rows >= 6 && last === many) expect(frame.join('\n')).toContain('> definition-31');
    }
  });

  test('a narrow one leaves out the counts before queue and status', () => {
    const [, , , head] = topFrame(viewOf(answer(0, [1])), { columns: 60, rows: 20 });
    expect(head).toMatch(/DEFINITION +STATUS .* QUEUE/);
    expect(head).not.toContain('QUARANTINED');
  });

  test('tells what is wrong with the selected definition and with the engine', () => {
    const warnings = [{ code: 'backlog', text: 'is behind' }];
    const last = answer(0, [1], { serviceStatus: 'error', reason: 'auth', hint: 'the password is refused', warnings });
    const engine = { ...last.engine, ready: false, warnings: [{ code: 'storage', text: 'the disk is full' }] };
    const frame = topFrame(viewOf({ ...last, engine }), { columns: 100, rows: 20 }).join('\n');
    for (const text of ['NOT READY', '! the disk is full', '(auth: the password is refused)', '! is behind'])
      expect(frame).toContain(text);
  });

  test('says that it is stale, and keeps the last answer', () => {
    const frame = topFrame(viewOf(answer(0, [1]), { fault: 'no engine answers' }), { columns: 120, rows: 20 });
    expect(frame[0]).toContain('STALE: no engine answers');
    expect(frame.join('\n')).toContain('definition-1');
    const none = topFrame(viewOf(answer(0, []), { answer: undefined, fault: 'no engine answers' }), {
      columns: 80,
      rows: 9,
    });
    expect(none).toContain('no engine answers');
  });

  test('obeys no control character that an answer holds', () => {
    const frame = topFrame(viewOf(answer(0, [1], { description: 'a\u001b[2Jb\nc' })), { columns: 100, rows: 20 });
    expect([...frame.join('')].filter((character) => character < ' ')).toEqual([]);
  });
});

test('arrows select and turn, within bounds; other keys do nothing', () => {
  const view = viewOf(answer(0, [1, 2]));
  const after = (text: string) => keysIn(text).reduce(turned, view);
  expect(after('\u001b[A').selected).toBe(0);
  expect(after('\u001b[B\u001bOB\u001b[B').selected).toBe(1);
  expect(after('jk').selected).toBe(0);
  expect([after('\u001b[C').figure, after('\u001b[D').figure, after('\u001b[C\u001b[C\u001b[C').figure]).toEqual([
    'archived',
    'queue',
    'received',
  ]);
  expect(after('x\u001b[5~\u001b[1;5B')).toEqual(view);
  expect(keysIn('q\u001b[5~')).toEqual(['q', '\u001b[5~']);
});
