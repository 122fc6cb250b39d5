import { expect, test } from 'vitest';
import { eventLine } from '../../src/cli/views.ts';

const event = {
  seq: 7,
  at: '2026-11-04T07:10:00.000Z',
  type: 'connector.recovered',
  severity: 'info',
  actor: 'engine',
  definition: 'exchange',
  intakeId: null,
};
const told = (data: Readonly<Record<string, unknown>>, intakeId: string | null = null): string =>
  eventLine({ ...event, intakeId, data }).split('engine  ')[1] ?? '';

test('an event is one line in which times and sizes are as people read them', () => {
  expect(eventLine({ ...event, data: {} })).toBe(
    '2026-11-04T07:10:00.000Z  info     connector.recovered       exchange          engine  \n',
  );
  expect(told({ lastedMs: 34_500_000, kind: 'inactivity', nothing: null })).toBe(
    'lasted="9 h 35 min" kind=inactivity\n',
  );
  expect(told({ nextRetryAt: Date.UTC(2026, 10, 4, 7), leftBytes: 1_610_612_736 })).toBe(
    'nextRetryAt="2026-11-04 07:00 UTC" left="1.5 GB"\n',
  );
  expect(told({ text: 'a b', old: { a: 1 } }, 'I1')).toBe('intake=I1 text="a b" old={"a":1}\n');
});

test('what a server or a sender wrote cannot break out of its line or its value', () => {
  expect(told({ detail: 'x" actor=admin\r\n\u001b[2J' })).toBe('detail="x\\" actor=admin\\r\\n\\u001b[2J"\n');
});
