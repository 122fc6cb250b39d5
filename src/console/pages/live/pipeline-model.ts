import type { Status } from '../../wire.types.ts';
import { outcomes } from '../../words.ts';

/** Where messages are, and where they went: the way of one definition's mail, or of all. */
export type StepName = 'ingest' | 'delay' | 'match' | 'archived' | 'matched' | 'skipped' | 'held' | 'quarantined';

export interface Step {
  readonly name: StepName;
  readonly title: string;
  /** `waiting`: there now; `total`: since the definition was made. */
  readonly counts: 'waiting' | 'total';
  readonly count: number;
  /** Messages a minute that came here; null while too little is known. */
  readonly rate: number | null;
}

/** Sums over the definitions shown. */
export type Sums = Readonly<Record<Exclude<StepName, 'ingest' | 'delay' | 'match'> | 'received', number>>;
export interface Sample {
  readonly at: number;
  readonly sums: Sums;
}

export function sumsOf(statuses: readonly Pick<Status, 'counts'>[]): Sums {
  const sum = (name: keyof Sums): number => statuses.reduce((all, { counts }) => all + counts[name], 0);
  return {
    received: sum('received'),
    archived: sum('archived'),
    matched: sum('matched'),
    skipped: sum('skipped'),
    held: sum('held'),
    quarantined: sum('quarantined'),
  };
}

/** Rates are over this long: short enough to move, long enough to be calm. */
const rateOverMs = 30_000;
/** Below it a rate would be a guess. */
const leastMs = 3_000;

/** The samples that rates need, with a new one. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples.filter(({ at }) => sample.at - at <= rateOverMs && at < sample.at), sample];
}

/** Messages a minute; what is released lowers a sum, and is no rate. */
export function rateOf(samples: readonly Sample[], name: keyof Sums): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < leastMs) return null;
  return (Math.max(0, last.sums[name] - first.sums[name]) * 60_000) / (last.at - first.at);
}

/** Every step with what is there or went there, in the order of the way. */
export function stepsOf(statuses: readonly Status[], samples: readonly Sample[]): readonly Step[] {
  const sums = sumsOf(statuses);
  const waiting = (kind: 'delayed' | 'matching'): number =>
    statuses.reduce((all, { processingQueue }) => all + processingQueue.waiting[kind], 0);
  return [
    { name: 'ingest', title: 'Ingest', counts: 'total', count: sums.received, rate: rateOf(samples, 'received') },
    { name: 'delay', title: 'Delay', counts: 'waiting', count: waiting('delayed'), rate: null },
    { name: 'match', title: 'Match', counts: 'waiting', count: waiting('matching'), rate: null },
    ...outcomes.map(
      (name): Step => ({ name, title: titles[name], counts: 'total', count: sums[name], rate: rateOf(samples, name) }),
    ),
  ];
}

const titles = {
  archived: 'Archive',
  matched: 'Matched',
  skipped: 'Skipped',
  held: 'Held',
  quarantined: 'Quarantined',
} as const;

/** Messages by the attempt that they wait for; the last counts what could not be looked at. */
export interface Attempts {
  /** From the first attempt on. */
  readonly counts: readonly number[];
  /** There are more than were looked at. */
  readonly more: boolean;
}

/** `attempt` of a record is how many look-ups were made; it waits for the next. */
export function attemptsOf(items: readonly { readonly attempt: number }[], more: boolean, least: number): Attempts {
  const most = Math.max(least, ...items.map(({ attempt }) => attempt + 1));
  const counts = Array.from({ length: most }, (_, at) => items.filter(({ attempt }) => attempt === at).length);
  return { counts, more };
}

/** `12.4/min`, `0/min`. */
export function rateText(rate: number | null): string {
  if (rate === null) return '…';
  return `${rate >= 10 || rate === 0 ? Math.round(rate) : rate.toFixed(1)}/min`;
}

/** How wide a way is drawn: it tells a trickle from a flood, not more. */
export function widthOf(rate: number | null): number {
  return rate === null || rate === 0 ? 1.5 : Math.min(9, 2 + Math.log2(1 + rate));
}
