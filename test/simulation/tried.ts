import type { Plant } from '../support/sim-figures.ts';
import { simulate } from '../support/sim-run.ts';
import { sameArchive } from '../support/sim-verdict.ts';

export interface Tried {
  /** How much happened, to be summed up; empty where it failed. */
  readonly figures: Readonly<Record<string, number>>;
  /** The invariant that broke, or null. */
  readonly error: string | null;
}

/** One seed: a calm run and one with faults, which must come to the same archive. */
export async function tried(
  seed: number,
  more: { readonly plant?: Plant; readonly log?: (line: string) => void } = {},
): Promise<Tried> {
  const { log = () => undefined, ...plant } = more;
  try {
    const calm = await simulate({ seed, faults: false, log: () => undefined });
    const run = await simulate({ seed, faults: true, log, ...plant });
    sameArchive(run.kept, calm.kept);
    const { mails, sent, pulled, steps, looks, virtualMs, crashes } = run;
    return { figures: { mails, sent, pulled, steps, looks, virtualMs, ...crashes }, error: null };
  } catch (error) {
    return { figures: {}, error: error instanceof Error ? error.message : String(error) };
  }
}
