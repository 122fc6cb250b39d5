import { describe, expect, test } from 'vitest';
import type { MatchingOptions } from '../../streams/message.ts';
import { Line } from '../support/line.ts';
import { buildMessage, buildReport, type ReportParts } from '../support/mail.ts';
import { day, minute, noon, second } from '../support/stream-shapes.ts';

const dateOf = (at: number): string => new Date(at).toUTCString().replace('GMT', '+0000');
const old = dateOf(noon - 31 * day);
const young = dateOf(noon - day);
const hour = 60 * minute;

/** How a report ends whose original has this Date and these further header lines. */
function endOf(
  date: string | null,
  {
    matching = {},
    headers = [],
    ...parts
  }: ReportParts & { readonly matching?: Partial<MatchingOptions>; readonly headers?: readonly string[] } = {},
) {
  using line = new Line({ options: { deliveryWaitAttempts: 1 }, matching });
  const id = line.take(buildReport({ originals: [buildMessage({ date, headers })], ...parts }));
  line.runOut();
  return { end: line.ends[id], flags: line.store.ended.get(id)?.item.parsed?.flags };
}

describe('S17 on its line', () => {
  test.each([
    [30 * day - second, 'archived'],
    [30 * day, 'archived'],
    [30 * day + second, 'held expired'],
  ])('a report whose original is %i ms old is %s', (ageMs, end) => {
    expect(endOf(dateOf(noon - ageMs)).end).toBe(end);
  });

  test.each([null, 'some day', 'Tue, 31 Feb 2026 09:00:00 +0000'])(
    'without a readable Date (%s) the report, the oldest Received, the outer Date decide, and at last the receipt',
    (date) => {
      expect(endOf(date).end, 'the receipt').toBe('archived');
      expect(endOf(date, { date: old }).end, 'the outer Date').toBe('held expired');
      const received = (at: string): string => `Received: from a by b; ${at}`;
      const hops = [received(young), received(old)];
      expect(endOf(date, { date: young, headers: hops }).end, 'the oldest Received').toBe('held expired');
    },
  );

  test('an old Date with a young way here is flagged, and with the clock `latest` it is not even held', () => {
    const given = { date: young };
    expect(endOf(old, given)).toEqual({ end: 'held expired', flags: ['suspected-clock-skew'] });
    expect(endOf(old, { ...given, matching: { expiryClock: 'latest' } }).end).toBe('archived');
    expect(endOf(old, { date: old })).toEqual({ end: 'held expired', flags: [] });
  });

  test('a Date two days ahead is archived and flagged', () => {
    expect(endOf(dateOf(noon + 2 * day))).toEqual({ end: 'archived', flags: ['date-in-future'] });
  });

  // The limit is crossed a second after the receipt. Each second of an idle line is one look, so hours say as much as days.
  test('what was accepted in time does not expire while it waits', () => {
    using line = new Line({ options: { initialProcessDelayMs: hour, deliveryWaitAttempts: 1 } });
    const id = line.take(buildReport({ originals: [buildMessage({ date: dateOf(noon - 30 * day) })] }));
    line.clock.runUntil(noon + 2 * hour);
    expect(line.ends).toEqual({ [id]: 'archived' });
  });

  test('what was received in time and read only after hours, as after a long stop, is in time', () => {
    using line = new Line({ definitionIds: ['other'], options: { deliveryWaitAttempts: 1 } });
    const id = line.take(buildReport({ originals: [buildMessage({ date: dateOf(noon - 30 * day) })] }));
    line.clock.runUntil(noon + 5 * hour);
    line.store.items.set(id, { ...line.store.items.get(id)!, definitionId: 'other' });
    line.clock.runUntil(noon + 6 * hour);
    expect(line.ends).toEqual({ [id]: 'archived' });
  });

  test('a released item goes through with the rule off', () => {
    using line = new Line({ options: { deliveryWaitAttempts: 1 } });
    const id = line.take(buildReport({ originals: [buildMessage({ date: old })] }));
    line.runOut();
    expect(line.ends).toEqual({ [id]: 'held expired' });
    line.reopen(id, ['age']);
    line.runOut();
    expect(line.ends).toEqual({ [id]: 'archived' });
  });
});
