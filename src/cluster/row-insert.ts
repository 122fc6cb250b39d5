import type { WrittenRow } from './log-rows.ts';

/** The statement for rows whose parameters are added to `values`, of which the first is the log. */
export function insertOf(rows: readonly WrittenRow[], values: unknown[]): string {
  const places = rows.map(({ seq, head, tail, bodyLength, place, dropped = false }) => {
    const body = place !== null && 'body' in place ? place.body : null;
    const ref = place !== null && 'ref' in place ? place.ref : null;
    const own = [seq, head, tail, bodyLength, body, ref?.pack ?? null, ref?.at ?? null, dropped];
    const at = values.length;
    values.push(...own);
    return `($1, ${own.map((_, n) => `$${at + n + 1}`).join(', ')})`;
  });
  return `insert into daybook.record (log, seq, head, tail, body_length, body, pack, pack_at, dropped)
          values ${places.join(', ')}`;
}
