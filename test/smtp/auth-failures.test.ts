import { expect, test } from 'vitest';
import { createFailedTries, triesAMinute } from '../../src/http/failed-tries.ts';
import { AuthFailures } from '../../src/smtp/auth.ts';
import { smtpLimits } from '../../src/smtp/limits.ts';

const years = 10 * 365 * 86_400_000;
const now = Date.UTC(2026, 11, 1);
const [account, peer] = ['journal@north.example', '192.0.2.7'];

test('what was counted before the clock was set back locks and slows nobody', () => {
  const failures = new AuthFailures(smtpLimits);
  for (let tries = 0; tries < 20; tries += 1) failures.begin(account, peer, now + years);
  expect(failures.isLocked(peer, now + years)).toBe(true);
  expect(failures.delayMs(account, '192.0.2.8', now + years)).toBe(30_000);
  expect(failures.isLocked(peer, now)).toBe(false);
  expect(failures.delayMs(account, '192.0.2.8', now)).toBe(0);
  for (let tries = 0; tries < smtpLimits.authFailures; tries += 1) failures.begin(account, peer, now);
  expect([failures.isLocked(peer, now), failures.isLocked(peer, now + smtpLimits.authWindowMs)]).toEqual([true, false]);
});

test('nor does the API make anybody wait until the other time comes', () => {
  const tries = createFailedTries();
  for (let n = 0; n < triesAMinute; n += 1) expect(tries.failed(peer, now + years)).toBe(0);
  expect(tries.failed(peer, now + years)).toBe(60_000);
  expect(tries.failed(peer, now)).toBe(0);
  for (let n = 1; n < triesAMinute; n += 1) tries.failed(peer, now);
  expect(tries.failed(peer, now + 1_000)).toBe(59_000);
});
