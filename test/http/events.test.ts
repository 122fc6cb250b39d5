import { expect, test } from 'vitest';
import { eventItemOf } from '../../src/http/events.route.ts';
import type { LoggedEvent } from '../../streams/ports.ts';

test('a denied request has the name of its token as actor, or null', () => {
  const logged = (type: string, actor: string, name: string | null): LoggedEvent => ({
    seq: 1,
    at: 0,
    type,
    severity: 'warning',
    actor,
    definitionId: null,
    intakeId: null,
    entryId: null,
    data: { actor: name, path: '/v1/status', status: 401 },
  });
  const told = (...words: Parameters<typeof logged>) => eventItemOf(logged(...words), 'admin').actor;
  expect(told('access.denied', 'unknown', null)).toBeNull();
  expect(told('access.denied', 'eve', 'eve')).toBe('eve');
  expect(told('message.viewed', 'operator', null)).toBe('operator');
});
