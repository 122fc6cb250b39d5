import { expect, test } from 'vitest';
import { lossText, patienceOf } from '../../src/engine/patience.ts';

const hour = 3_600_000;
const day = 24 * hour;
const since = Date.UTC(2026, 10, 6, 16);

interface Given {
  readonly transport?: 'smtp' | 'pop3';
  readonly serviceStatus: string;
  readonly lastMessageAt?: number | null;
  readonly refusingSince?: number | null;
}
const patience = ({ transport = 'smtp', serviceStatus, lastMessageAt = null, refusingSince = null }: Given) =>
  patienceOf({
    definition: { config: { transport }, suspendedSince: serviceStatus === 'suspended' ? since : null },
    journal: { serviceStatus, since },
    figures: { lastMessageAt },
    refusingSince,
  } as unknown as Parameters<typeof patienceOf>[0]);

test('two days of Exchange and eight of Gmail begin when no mail is taken any more', () => {
  const counted = { since, exchangeUntil: since + 2 * day, gmailUntil: since + 8 * day };
  expect(patience({ serviceStatus: 'suspended', lastMessageAt: since - day })).toEqual(counted);
  expect(patience({ serviceStatus: 'error', lastMessageAt: since - day })).toEqual(counted);
  expect(patience({ serviceStatus: 'active', refusingSince: since })).toEqual(counted);
});

test('of a silence nobody knows what waits: at the worst since the last message', () => {
  expect(patience({ serviceStatus: 'down', lastMessageAt: since - 3 * hour })?.since).toBe(since - 3 * hour);
  expect(patience({ serviceStatus: 'down' })?.since).toBe(since);
  // An alert of our own that came meanwhile is no message.
  expect(patience({ serviceStatus: 'down', lastMessageAt: since + hour })?.since).toBe(since);
});

test('while mail is taken there is no clock, nor for a mailbox, which keeps its mail', () => {
  expect(patience({ serviceStatus: 'active', lastMessageAt: since })).toBeNull();
  expect(patience({ serviceStatus: 'awaiting-initial-run' })).toBeNull();
  expect(patience({ serviceStatus: 'error', transport: 'pop3' })).toBeNull();
});

test('half a day before Exchange gives up it is said, and then that it has', () => {
  const clock = patience({ serviceStatus: 'suspended' });
  const said = (at: number) => (clock === null ? null : lossText(clock, since + at));
  expect(said(36 * hour - 1)).toBeNull();
  expect(said(36 * hour)).toBe(
    'the first of what waits at the sender is lost in 12 h: Exchange gives it up from 2026-11-08 16:00 UTC, Gmail from 2026-11-14 16:00 UTC',
  );
  expect(said(9 * day)).toBe(
    'the first of what waits at the sender is lost: Exchange gives it up since 2026-11-08 16:00 UTC, Gmail since 2026-11-14 16:00 UTC',
  );
});
