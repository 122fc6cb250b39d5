import { asyncScheduler } from 'rxjs';
import { afterAll, expect, test } from 'vitest';
import { expiryCheck } from '../../src/engine/expiry-check.ts';
import { firstValue } from '../../src/engine/first-value.ts';
import { openLargeMail } from '../../src/engine/large-mail.ts';
import { EngineFailure } from '../../streams/failure.ts';
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

const examiner = openLargeMail(asyncScheduler);
afterAll(() => examiner[Symbol.asyncDispose]());

/** The age check of an engine with one definition, at noon. */
function set(
  expiredAction: 'hold' | 'reject' | 'leave',
  transport: 'reject' | 'leave' = 'reject',
  arriving: Pick<typeof examiner, 'open'> = examiner,
) {
  const clock = new VirtualClock(noon);
  const events: EventDraft[] = [];
  const definition = { id: 'exchange', options: journalOptions };
  const parts = {
    options: { matching: { ...matchingOptions, expiredAction } },
    book: { get: (id: string) => (id === 'exchange' ? definition : undefined) },
    setup: { ports: { directory: everybodyKnown, trustedRecipientHeaders: [] } },
    examiners: { arriving },
    clock,
    note: (event: EventDraft) => void events.push(event),
  };
  const { isExpired, refusedByAge } = expiryCheck(parts as unknown as Parameters<typeof expiryCheck>[0], transport);
  return {
    ...{ clock, events, checks: isExpired !== undefined },
    expired: async (bytes: Uint8Array) =>
      isExpired === undefined ? false : firstValue(isExpired(bytes, exchange, noon)),
    refused: async (bytes: Uint8Array) => {
      if (refusedByAge !== undefined) await refusedByAge(bytes, delivery);
    },
  };
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
  expect(set(action, transport).checks).toBe(checks);
});

test.each([
  ['30 days less a second', 30 * day - second, false],
  ['30 days', 30 * day, false],
  ['30 days and a second', 30 * day + second, true],
])('S17 a report of %s is refused: %s', async (_, ageMs, expired) => {
  expect(await set('reject').expired(reportAged(ageMs))).toBe(expired);
});

test('S17 a Date that is missing or no date is never read as now or as old: the next clock decides', async () => {
  const { expired } = set('reject');
  const original = (date: string | null) => [buildMessage({ date })];
  for (const date of [null, 'yesterday', 'Fri, 31 Feb 2020 10:00:00 +0000']) {
    const old = ['Date: Mon, 02 Mar 2020 09:00:00 +0000'];
    const by = (headers: readonly string[]) => expired(buildReport({ originals: original(date), headers }));
    expect(await by([]), String(date)).toBe(false);
    expect(await by(old), String(date)).toBe(true);
  }
});

test('S17 what is refused is an event with its ids, once an hour for a sender that keeps trying', async () => {
  const { refused, events, clock } = set('reject');
  const bytes = reportAged(31 * day);
  await refused(bytes);
  clock.runUntil(noon + 60 * minute - 1);
  await refused(bytes);
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
  await refused(reportAged(32 * day, '<other@north.example>'));
  expect(events).toHaveLength(2);
  clock.runUntil(noon + 60 * minute);
  await refused(bytes);
  expect(events).toHaveLength(3);
});

test('S17 what its parser does not get through is accepted: in custody its attempts are counted', async () => {
  const open = async (): Promise<never> => {
    throw new EngineFailure('parser-crash', 'thread ended with 1');
  };
  expect(await set('reject', 'reject', { open }).expired(reportAged(31 * day))).toBe(false);
});
