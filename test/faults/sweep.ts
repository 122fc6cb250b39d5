import { isDeepStrictEqual } from 'node:util';
import { type LifeOptions, openLife } from './ingest.ts';
import { type Findings, nothingFound } from './outside.ts';
import { type CallKind, callKinds } from './shim.ts';

/** What changes a folder; an `open` that makes no file does not. */
export const changingKinds: readonly CallKind[] = callKinds.filter((kind) => kind !== 'open');

export interface Point {
  readonly outcome: 'kill' | 'tear';
  /** The call at which the process ends, from 1. */
  readonly at: number;
  readonly findings: Findings;
  /** What kept the engine from starting again, or from settling; null as it should be. */
  readonly failure: string | null;
}
export const holds = ({ findings, failure }: Point): boolean =>
  failure === null && isDeepStrictEqual(findings, nothingFound);

/**
 * Ends one life of the engine at the `at`th call that changes its folder: before the call (`kill`), or, for a write, with
 * half of it done (`tear`). Null where the life ended by itself before there was such a call.
 */
export async function killedAt(options: LifeOptions, outcome: Point['outcome'], at: number): Promise<Point | null> {
  await using life = await openLife(options);
  const kinds = outcome === 'tear' ? (['write'] as const) : changingKinds;
  await life.shim.arm({ kinds, outcome, first: at, forever: false });
  await life.live();
  const { struck } = await life.shim.met();
  try {
    const findings = await life.examine();
    return struck === 0 ? null : { outcome, at, findings, failure: null };
  } catch (error) {
    return { outcome, at, findings: nothingFound, failure: String(error) };
  }
}

/** How many such calls one undisturbed life makes. */
export async function callsOfLife(options: LifeOptions, kinds: readonly CallKind[]): Promise<number> {
  await using life = await openLife(options);
  await life.shim.arm({ kinds, outcome: 'count', first: 1, forever: false });
  await life.live();
  return (await life.shim.met()).seen;
}
