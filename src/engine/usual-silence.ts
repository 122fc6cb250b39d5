import { duration } from '../time-words.ts';

const hourMs = 3_600_000;
const weekHours = 168;
/** Epoch hour 0 was a Thursday at midnight; the first bucket is Monday's first hour. */
const epochOffsetHours = 72;
/** Weeks that each hour of the week remembers. */
const weeksKept = 8;
/** Before so many it says nothing: one odd week would be half of what it knows. */
const weeksToSpeak = 4;
/** An hour counts where so many of its sixty looks were made: half of one would make the silence look shorter. */
const looksToCount = 55;
/** Far outside: twice the usual, and this much more than it. */
const farTimes = 2;
const farMs = 15 * 60_000;

/** The longest silence of one hour of one week, in ms, as it stood in that hour: it may have begun before. */
type Week = readonly [week: number, longestMs: number];
/** What is remembered of one definition, by hour of the week (UTC), the oldest week first. Plain JSON. */
export type Silences = readonly (readonly Week[])[];

/** The hour under way. */
interface Current {
  readonly hour: number;
  readonly longestMs: number;
  readonly looks: number;
}
export interface Learning {
  readonly silences: Silences;
  readonly current: Current | null;
}
export const nothingLearnt: Learning = { silences: Array.from({ length: weekHours }, () => []), current: null };

/** What is usual at this hour of the week, with the figures that it comes from. */
export interface UsualSilence {
  /** The longest silence of this hour and its neighbours over the weeks, the longest week of each left out. */
  readonly longestMs: number;
  /** Beyond it a silence is far outside. */
  readonly limitMs: number;
  readonly weeks: number;
}

/** Rule: one look, once a minute, at how long the silence is now; null while nobody listens. Pure. */
export function learn(learning: Learning, silentMs: number | null, now: number): Learning {
  const hour = Math.floor(now / hourMs);
  const { current } = learning;
  const passed = current !== null && current.hour !== hour ? remember(learning, current) : learning.silences;
  if (silentMs === null) return { silences: passed, current: null };
  const before = current?.hour === hour ? current : { hour, longestMs: 0, looks: 0 };
  const seen = { hour, longestMs: Math.max(before.longestMs, silentMs), looks: before.looks + 1 };
  return { silences: passed, current: seen };
}

function remember({ silences }: Learning, { hour, longestMs, looks }: Current): Silences {
  if (looks < looksToCount) return silences;
  const [bucket, week] = [bucketOf(hour), weekOf(hour)];
  return silences.map((weeks, at) =>
    at === bucket ? [...weeks.filter(([each]) => each !== week), [week, longestMs] as const].slice(-weeksKept) : weeks,
  );
}

/**
 * Rule: what is usual now; null while too few weeks are known. Of each hour the longest week is left out, so that one
 * outage does not make the next one usual; the hours before and after count too, for those who begin later one day, and
 * for clocks that are set in spring and autumn.
 */
export function usualAt(silences: Silences, now: number): UsualSilence | null {
  const hour = Math.floor(now / hourMs);
  const hours = [hour - 1, hour, hour + 1].map((each) => silences[bucketOf(each)] ?? []);
  const weeks = Math.min(...hours.map(({ length }) => length));
  if (weeks < weeksToSpeak) return null;
  const longestMs = Math.max(...hours.map(secondLongest));
  return { longestMs, limitMs: Math.max(farTimes * longestMs, longestMs + farMs), weeks };
}

function secondLongest(weeks: readonly Week[]): number {
  return weeks.map(([, longestMs]) => longestMs).toSorted((one, other) => other - one)[1] ?? Number.POSITIVE_INFINITY;
}

const bucketOf = (hour: number): number => (((hour + epochOffsetHours) % weekHours) + weekHours) % weekHours;
const weekOf = (hour: number): number => Math.floor((hour + epochOffsetHours) / weekHours);

const days = ['Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays'];

/** The plain figures, for a person. */
export function unusualText(silentMs: number, { longestMs, weeks }: UsualSilence, now: number): string {
  const bucket = bucketOf(Math.floor(now / hourMs));
  const hour = `${String(bucket % 24).padStart(2, '0')}:00 UTC`;
  const usual = `on ${days[Math.floor(bucket / 24)]} about ${hour} the longest silence of the last ${weeks} weeks was ${duration(longestMs)}, the worst week left out`;
  return `no message for ${duration(silentMs)}; ${usual}`;
}
