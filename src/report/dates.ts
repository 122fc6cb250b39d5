/** The two kinds of time text in a journal report. Both readers answer epoch milliseconds, or null: never "now". */

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Minutes east of UTC (RFC 5322 4.3). Military letters mean nothing certain and count as UTC, as that section says. */
const zones: Readonly<Record<string, number>> = {
  edt: -240,
  est: -300,
  cdt: -300,
  cst: -360,
  mdt: -360,
  mst: -420,
  pdt: -420,
  pst: -480,
};

/** Longest text that is looked at; a date with comments needs below 100. */
const textLimit = 256;

const dateTime =
  /^(?:[a-z]+\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})[\s,]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:\.\d+)?)?\s*([+-]\d{2}:?\d{2}|[a-z]+)?(?=[\s,;]|$)/i;

/** `asctime`, which some systems put where a date belongs. */
const unixTime =
  /^[a-z]{3},?\s+([a-z]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+(?:([+-]\d{4}|[a-z]+)\s+)?(\d{4})/i;

/** A Date header, or what follows the semicolon of a Received one (RFC 5322 3.3 and 4.3); whole seconds. */
export function parseDate(text: string): number | null {
  const plain = dropComments(text.slice(0, textLimit)).trim();
  const found = dateTime.exec(plain);
  if (found !== null) {
    const [, day, month = '', year = '', hour, minute, second, zone] = found;
    const parts = { year: fullYear(year), month: monthOf(month), day, hour, minute, second };
    return instant(parts, offsetOf(zone));
  }
  const unix = unixTime.exec(plain);
  if (unix === null) return null;
  const [, month = '', day, hour, minute, second, zone, year = ''] = unix;
  return instant({ year: fullYear(year), month: monthOf(month), day, hour, minute, second }, offsetOf(zone));
}

const isoTime = /^(\d{4})-(\d{1,2})-(\d{1,2})[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?/;
const localTime =
  /^(\d{1,2})([./-])(\d{1,2})[./-](\d{4}),?\s+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?\s*(?:([ap])\.?m\b)?/i;

/**
 * A time line of a report. Its format is that of the server's locale and its zone UTC (journaling b.3.6): RFC 5322,
 * ISO, or numbers with `/`, `.` or `-`; month first, unless the separator is a dot or the first number is above 12.
 */
export function parseReportTime(text: string): number | null {
  const plain = text.slice(0, textLimit).trim();
  const iso = isoTime.exec(plain);
  if (iso !== null) {
    const [, year, month, day, hour, minute, second] = iso;
    return instant({ year: Number(year), month: Number(month) - 1, day, hour, minute, second }, 0);
  }
  const local = localTime.exec(plain);
  if (local === null) return parseDate(plain);
  const [, first = '', separator, other = '', year, hour, minute, second, half] = local;
  const dayFirst = separator === '.' || Number(first) > 12;
  const [day, month] = dayFirst ? [first, other] : [other, first];
  const hours = half === undefined ? hour : String((Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0));
  return instant({ year: Number(year), month: Number(month) - 1, day, hour: hours, minute, second }, 0);
}

interface DateParts {
  readonly year: number;
  /** From 0; -1 when it is no month. */
  readonly month: number;
  readonly day: string | undefined;
  readonly hour: string | undefined;
  readonly minute: string | undefined;
  readonly second: string | undefined;
}

function instant(parts: DateParts, offsetMinutes: number | null): number | null {
  const { year, month } = parts;
  const day = Number(parts.day);
  const hour = Number(parts.hour);
  const minute = Number(parts.minute);
  const second = Number(parts.second ?? 0);
  if (offsetMinutes === null || month < 0 || month > 11 || year < 1900 || hour > 23 || minute > 59 || second > 60)
    return null;
  // Date.UTC rolls 31 February over into March; such a day does not exist.
  if (day < 1 || day > daysIn(year, month)) return null;
  return Date.UTC(year, month, day) + (hour * 3600 + (minute - offsetMinutes) * 60 + second) * 1000;
}

function daysIn(year: number, month: number): number {
  if (month !== 1) return [3, 5, 8, 10].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function monthOf(name: string): number {
  return months.indexOf(name.toLowerCase());
}

/** RFC 5322 4.3: two digits below 50 are this century, all other short years the last one. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length > 3) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function offsetOf(zone: string | undefined): number | null {
  if (zone === undefined) return 0;
  const numeric = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (numeric === null) return zones[zone.toLowerCase()] ?? 0;
  const [, sign, hours, minutes] = numeric;
  if (Number(minutes) > 59) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function dropComments(text: string): string {
  if (!text.includes('(')) return text;
  let depth = 0;
  let plain = '';
  for (const character of text) {
    if (character === '(') depth += 1;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) plain += character;
  }
  return plain;
}
