import { describe, expect, test } from 'vitest';
import { parseDate, parseReportTime } from '../../src/report/dates.ts';

const nine = Date.UTC(2026, 2, 2, 9);

describe('a Date header', () => {
  test.each([
    'Mon, 02 Mar 2026 09:00:00 +0000',
    '2 Mar 2026 09:00:00 +0000',
    'Mon,  2 Mar 26 09:00 GMT',
    'Mon, 2 Mar 2026 10:00:00 +0100 (CET)',
    'Mon, 2 (second (of)) March 2026 04:00:00 EST',
    'Mon, 2 Mar 2026 05:00:00 edt',
    'Mon, 2 Mar 2026 01:00:00 PST',
    'Mon, 2 Mar 2026 09:00:00 Z',
    'Mon, 2 Mar 2026 09:00:00 J',
    'Mon, 2 Mar 2026 09:00:00 -0000',
    'Mon, 2 Mar 2026 09:00:00',
    'Monday, 2-Mar-26 09:00:00 UTC',
    'Mon, 2 Mar 2026 09.00.00 +00:00',
    'Mon Mar  2 09:00:00 2026',
    'Mon Mar 2 10:00:00 +0100 2026',
    'Mon, 2 Mar 2026 14:30:00.123 +0530',
  ])('%j is nine o’clock', (text) => {
    expect(parseDate(text)).toBe(nine);
  });

  test.each([
    ['1 Jan 70 00:00:00 GMT', 0],
    ['1 Jan 126 00:00:00 GMT', Date.UTC(2026, 0, 1)],
    ['31 Dec 49 23:59:60 GMT', Date.UTC(2050, 0, 1)],
    ['29 Feb 2024 00:00 GMT', Date.UTC(2024, 1, 29)],
  ])('%j, old forms and edges', (text, at) => {
    expect(parseDate(text)).toBe(at);
  });

  test.each([
    '',
    'now',
    'yesterday 09:00',
    '31 Feb 2026 09:00 GMT',
    '29 Feb 2026 09:00 GMT',
    '0 Mar 2026 09:00 GMT',
    '2 Mxr 2026 09:00 GMT',
    '2 Mar 2026 24:00 GMT',
    '2 Mar 2026 09:60 GMT',
    '2 Mar 2026 09:00:61 GMT',
    '2 Mar 2026 09:00 +0160',
    '2 Mar 1026 09:00 GMT',
    '2 Mar 2026 09:00:x',
    '2 Mar 2026',
    '1772442000',
    `(${'('.repeat(300)} 2 Mar 2026 09:00 GMT`,
  ])('%j is none, never now', (text) => {
    expect(parseDate(text)).toBeNull();
  });
});

describe('a time line of a report', () => {
  test.each([
    ['3/2/2026 9:00:00 AM', nine],
    ['3/2/2026 9:00:00 PM', nine + 12 * 3_600_000],
    ['3/2/2026 12:00:00 AM', Date.UTC(2026, 2, 2)],
    ['3/2/2026 12:00:00 p.m.', Date.UTC(2026, 2, 2, 12)],
    ['23/2/2026 09:00', Date.UTC(2026, 1, 23, 9)],
    ['02.03.2026 09:00:00', nine],
    ['2026-03-02T09:00:00.123Z', nine],
    ['2026-03-02 09:00', nine],
    ['Mon, 2 Mar 2026 09:00:00 GMT', nine],
  ])('%j', (text, at) => {
    expect(parseReportTime(text)).toBe(at);
  });

  test.each(['', 'later', '13/13/2026 09:00', '2026-02-30 09:00', '3/2/2026'])('%j is none', (text) => {
    expect(parseReportTime(text)).toBeNull();
  });
});
