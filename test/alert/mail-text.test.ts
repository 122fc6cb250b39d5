import { expect, test } from 'vitest';
import { mailText } from '../../src/alert/mail-text.ts';
import { type Alert, alertKinds } from '../../streams/alert.ts';
import { alertOf, raisedAt as at } from '../support/alerts.ts';

const alert = (members: Partial<Alert> = {}): Alert =>
  alertOf({
    text: 'no message for 3 h; the last came at 2026-11-30 00:12 UTC',
    advice: 'Check the sending server.',
    ...members,
  });

test('one alert is told in the subject; the text says what, since when, what to do and how to acknowledge it', () => {
  expect(mailText([alert()], 'mx1')).toEqual({
    subject: '[Daybook mx1] exchange is down',
    text: `New (1)

exchange is down, since 2026-11-30 03:12 UTC
  no message for 3 h; the last came at 2026-11-30 00:12 UTC
  Check the sending server.
  daybook alerts acknowledge A1

-- 
Daybook on mx1
`,
  });
});

test('its end and its acknowledgement are told as such, and ask nobody to do anything', () => {
  const over = mailText([alert({ step: 'resolved', resolvedAt: at + 3_600_000 })], 'mx1');
  expect(over.subject).toBe('[Daybook mx1] exchange is down (over)');
  expect(over.text).toContain('ended at 2026-11-30 04:12 UTC\n  it was: no message for 3 h');
  const acknowledged = { at, by: 'olga', note: 'restarting it' };
  const known = mailText([alert({ step: 'acknowledged', acknowledged })], 'mx1').text;
  expect(known).toContain('acknowledged by olga: restarting it');
  for (const text of [over.text, known]) expect(text).not.toContain('daybook alerts acknowledge');
});

test('a storm is one mail with counts; what needs somebody stands first', () => {
  const alerts = [
    alert({ step: 'resolved', id: 'R', resolvedAt: at }),
    ...Array.from({ length: 400 }, (_, n) => alert({ id: `N${n}`, definition: `d${n}` })),
    alert({ step: 'escalated', id: 'E', escalatedAt: at }),
  ];
  const { subject, text } = mailText(alerts, 'mx1');
  expect(subject).toBe('[Daybook mx1] 1 escalated, 400 new, 1 over');
  expect(text.indexOf('Nobody has acknowledged these (1)')).toBe(0);
  expect(text).toContain('New (400)');
  expect(text).toContain('and 351 more: `daybook alerts list` shows them all');
  expect(text.length).toBeLessThan(20_000);
});

test('each kind has words for a definition and for the engine', () => {
  for (const kind of alertKinds) {
    const subjects = ['exchange', null].map((definition) => mailText([alert({ kind, definition })], 'h').subject);
    expect(subjects[0]).toMatch(/^\[Daybook h\] exchange [a-z]/);
    expect(subjects[1]).toMatch(/^\[Daybook h\] [A-Z]/);
  }
});
