import { longestStepMs } from './log-time.ts';

/** How long a definition's mail is kept, as it was said and when; newest last. `ms` null: for ever. */
export interface KeepSaid {
  readonly from: number;
  readonly ms: number | null;
}

/** A shorter period counts only after this time, so that a slip of the hand can be taken back before any mail is gone. */
export const graceMs = 7 * 86_400_000;
/** More changes than this within the grace are not a person's; the shortest periods are forgotten first, which keeps longer. */
const maxSaid = 64;

/**
 * How long mail is kept at `now`: the longest period that was in force at any time within the grace. Before the first
 * word of it mail is kept for ever. Null: for ever.
 */
export function periodAt(said: readonly KeepSaid[], now: number): number | null {
  const last = said.at(-1);
  if (last === undefined) return null;
  const inForce = [{ from: 0, ms: null }, ...said].filter(({ from }, at, all) => {
    const endedAt = all[at + 1]?.from ?? Number.POSITIVE_INFINITY;
    return from <= now && endedAt > now - graceMs;
  });
  const longest = inForce.reduce((most, { ms }) => Math.max(most, ms ?? Number.POSITIVE_INFINITY), 0);
  return inForce.length > 0 && Number.isFinite(longest) ? longest : null;
}

/** The list with one more word; what has not counted for long is left out. */
export function withSaid(said: readonly KeepSaid[], { from, ms }: KeepSaid): readonly KeepSaid[] {
  const all = [...said, { from, ms }];
  const counting = all.filter(
    (_, at) => (all[at + 1]?.from ?? Number.POSITIVE_INFINITY) > from - graceMs - longestStepMs,
  );
  if (counting.length <= maxSaid) return counting;
  const earlier = counting.slice(0, -1);
  const shortest = Math.min(...earlier.map(({ ms: period }) => period ?? Number.POSITIVE_INFINITY));
  const drop = earlier.findIndex(({ ms: period }) => (period ?? Number.POSITIVE_INFINITY) === shortest);
  return counting.filter((_, at) => at !== drop);
}
