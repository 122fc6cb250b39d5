import { expect, test } from 'vitest';
import { expiryCheck } from '../../src/engine/expiry-check.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import {
  day,
  everybodyKnown,
  journalOptions,
  matchingOptions,
  minute,
  noon,
  second,
  smtpFacts,
} from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const dateOf = (at: number): string => new Date(at).toUTCString().replace('GMT', '+0000');
const reportAged = (ageMs: number, messageId = '<old@north.example>'): Buffer =>
  buildReport({ messageId, originals: [buildMessage({ messageId, date: dateOf(noon - ageMs) })] });

/** The age check of an engine with one definition, at noon. */
function set(expiredAction: 'hold' | 'reject' | 'leave', transport: 'reject' | 'leave' = 'reject') {
  const clock = new VirtualClock(noon);
  const events: EventDraft[] = [];
  const definition = { id: 'exchange', options: journalOptions };
  const parts = {
    options: { matching: { ...matchingOptions, expiredAction } },
    book: { get: (id: string) => (id === 'exchange' ? definition : undefined) },
    setup: { ports: { directory: everybodyKnown, trustedRecipientHeaders: [] } },
    clock,
    note: (event: EventDraft) => void events.push(event),
  };
  return { clock, events, ...expiryCheck(parts as unknown as Parameters<typeof expiryCheck>[0], transport) };
}
const exchange = { definitionId: 'exchange', definitionVersion: 1 };
const delivery = { destinations: [exchange], transport: smtpFacts };

test.each([
  ['hold', 'reject', false],
  ['hold', 'leave', false],
  ['reject', 'reject', true],
  ['reject', 'leave', false],
  ['leave', 'leave', true],
  ['leave', 'reject', false],
] as const)('S17 with %s the transport that can %s checks before it accepts: %s', (action, transport, checks) => {
  expect(set(action, transport).isExpired !== undefined).toBe(checks);
});

test.each([
  ['30 days less a second', 30 * day - second, false],
  ['30 days', 30 * day, false],
  ['30 days and a second', 30 * day + second, true],
])('S17 a report of %s is refused: %s', (_, ageMs, expired) => {
  expect(set('reject').isExpired?.(reportAged(ageMs), exchange, noon)).toBe(expired);
});

test('S17 a Date that is missing or no date is never read as now or as old: the next clock decides', () => {
  const { isExpired } = set('reject');
  const original = (date: string | null) => [buildMessage({ date })];
  for (const date of [null, 'yesterday', 'Fri, 31 Feb 2020 10:00:00 +0000']) {
    const old = ['Date: Mon, 02 Mar 2020 09:00:00 +0000'];
    const by = (headers: readonly string[]) =>
      isExpired?.(buildReport({ originals: original(date), headers }), exchange, noon);
    expect(by([]), String(date)).toBe(false);
    expect(by(old), String(date)).toBe(true);
  }
});

test('S17 what is refused is an event with its ids, once an hour for a sender that keeps trying', () => {
  const { refusedByAge, events, clock } = set('reject');
  const bytes = reportAged(31 * day);
  refusedByAge?.(bytes, delivery);
  clock.runUntil(noon + 60 * minute - 1);
  refusedByAge?.(bytes, delivery);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    type: 'expired-rejected',
    severity: 'warning',
    definitionId: 'exchange',
    data: {
      messageId: '<old@north.example>',
      reportMessageId: '<old@north.example>',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      size: bytes.length,
      messageTime: new Date(noon - 31 * day).toISOString(),
      suspectedClockSkew: false,
      peer: '127.0.0.1',
    },
  });
  refusedByAge?.(reportAged(32 * day, '<other@north.example>'), delivery);
  expect(events).toHaveLength(2);
  clock.runUntil(noon + 60 * minute);
  refusedByAge?.(bytes, delivery);
  expect(events).toHaveLength(3);
});
