import { expect, test } from 'vitest';
import { engineStatus, statusTable } from '../../src/cli/views.ts';
import { statusAnswer } from '../support/status-answer.ts';

const now = Date.UTC(2026, 0, 31, 8);
const status = statusAnswer({
  counts: { received: 7, archived: 4, held: 3 },
  warnings: [{ code: 'held-expired', text: '3 held since they are older' }],
});
const linesOf = (text: string): readonly string[] => text.trimEnd().split('\n');

test('what an active status leaves out stands under the table, by the name of its definition', () => {
  expect(linesOf(statusTable([status], now)).slice(3)).toEqual(['! exchange: 3 held since they are older']);
  expect(linesOf(statusTable([{ ...status, warnings: [] }], now))).toHaveLength(3);
});

test('what the engine warns of stands above it; what a stranger wrote breaks out of no line', () => {
  const text = 'the disk\u001b[2J is full\n! all is well';
  const engine = { version: '1', startedAt: 'then', now: '2026-01-31T08:00:00.000Z', ready: true };
  const told = linesOf(engineStatus({ engine: { ...engine, warnings: [{ code: 'x', text }] }, definitions: [status] }));
  expect(told.slice(0, 3)).toEqual(['Daybook 1, ready, since then', '! the disk?[2J is full?! all is well', '']);
});
