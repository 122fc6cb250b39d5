import { simulateCluster } from '../support/sim-cluster-run.ts';
import type { Plant } from '../support/sim-figures.ts';
import { simulate } from '../support/sim-run.ts';
import { sameArchive } from '../support/sim-verdict.ts';

export type SimBackendName = 'embedded' | 'cluster';

export interface Tried {
  /** How much happened, to be summed up; empty where it failed. */
  readonly figures: Readonly<Record<string, number>>;
  /** The invariant that broke, or null. */
  readonly error: string | null;
}

/** One seed: a calm run by an engine by itself and one with faults, which must come to the same archive. */
export async function tried(
  seed: number,
  more: { readonly plant?: Plant; readonly log?: (line: string) => void; readonly backend?: SimBackendName } = {},
): Promise<Tried> {
  const { log = () => undefined, backend = 'embedded', ...plant } = more;
  try {
    const calm = await simulate({ seed, faults: false, log: () => undefined });
    const options = { seed, log, ...plant };
    const run = await (backend === 'cluster' ? simulateCluster(options) : simulate({ ...options, faults: true }));
    sameArchive(run.kept, calm.kept);
    const { mails, sent, pulled, steps, looks, virtualMs, crashes, cluster } = run;
    return { figures: { mails, sent, pulled, steps, looks, virtualMs, ...crashes, ...cluster }, error: null };
  } catch (error) {
    return { figures: {}, error: error instanceof Error ? error.message : String(error) };
  }
}

/** The first of `most` seeds that finds a planted fault. */
export async function firstToFail(
  plant: Plant,
  {
    from,
    most,
    backend = 'embedded',
  }: { readonly from: number; readonly most: number; readonly backend?: SimBackendName },
): Promise<{ readonly seed: number; readonly text: string } | undefined> {
  for (let seed = from; seed < from + most; seed += 1) {
    const { error } = await tried(seed, { plant, backend });
    if (error !== null) return { seed, text: error };
  }
  return undefined;
}
