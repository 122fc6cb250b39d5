const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Hours from UTC of the zone names of RFC 5322 section 4.3; every other name means UTC there. */
const zones: Readonly<Record<string, number>> = {
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
};
const shape =
  /^(?:[a-z]{3,9}\.?,?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([+-]\d{4}|[a-z]{1,5}))?$/i;

/**
 * The Date header as epoch seconds, or null when it cannot be read (RFC 5322 sections 3.3 and 4.3). mailparser's own
 * reading takes "now" for garbage, which would make a digest change with every reading.
 */
export function dateSecond(header: string): number | null {
  const text = withoutComments(header.slice(0, 200)).replace(/\s+/g, ' ').trim();
  const [, day, month, year, hour, minute, second = '0', zone = ''] = shape.exec(text) ?? [];
  const monthIndex = months.indexOf((month ?? '').toLowerCase());
  if (monthIndex < 0) return null;
  const fields = [Number(day), Number(hour), Number(minute), Number(second)] as const;
  const fullYear = Number(year) + ((year ?? '').length >= 4 ? 0 : Number(year) < 50 ? 2000 : 1900);
  if (fields[0] < 1 || fields[0] > 31 || fields[1] > 23 || fields[2] > 59 || fields[3] > 60) return null;
  const utc = Date.UTC(fullYear, monthIndex, ...fields) / 1000;
  return Number.isFinite(utc) ? utc - zoneMinutes(zone) * 60 : null;
}

function zoneMinutes(zone: string): number {
  const numeric = /^([+-])(\d\d)(\d\d)$/.exec(zone);
  if (numeric === null) return (zones[zone.toLowerCase()] ?? 0) * 60;
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3]);
  return numeric[1] === '-' ? -minutes : minutes;
}

/** Comments may be nested (RFC 5322 section 3.2.2). */
function withoutComments(text: string): string {
  let depth = 0;
  let kept = '';
  for (const character of text) {
    if (character === '(') depth++;
    else if (character === ')' && depth > 0) depth--;
    else if (depth === 0) kept += character;
  }
  return kept;
}
