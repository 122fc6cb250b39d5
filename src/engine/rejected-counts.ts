import { join } from 'node:path';
import type { SchedulerLike, Subscription } from 'rxjs';
import type { Log } from '../log.ts';
import { notedOr } from '../noted-file.ts';
import type { Duties } from './duties.ts';
import { keepingNewest } from './keeping-newest.ts';

/** Refusals so far, by definition, kept over restarts. */
export const rejectedState = 'rejected.state';
/** The first refusal is written at once, those of the next second together: a flood of them costs one write a second. */
const saveEveryMs = 1_000;

/** How often mail to a definition was refused since it was made (`counts.rejected`, interface section 4). */
export interface RejectedCounts extends AsyncDisposable {
  of(definitionId: string): number;
  /** By definition. */
  all(): Readonly<Record<string, number>>;
  add(definitionId: string): void;
}

/** What each engine of a cluster tells the others under this. */
export const rejectedKind = 'rejected';

/** Refusals of mail for a definition by all engines of a cluster: each counts those of its own listeners. */
export function rejectedByAll(
  { duties, rejected }: { readonly duties: Pick<Duties, 'saidOf'>; readonly rejected: Pick<RejectedCounts, 'of'> },
  definitionId: string,
): number {
  const others = duties.saidOf(rejectedKind) as readonly Readonly<Record<string, number>>[];
  return others.reduce((sum, counts) => sum + (counts[definitionId] ?? 0), rejected.of(definitionId));
}

/** What a kill forgets is the last second at most. */
export async function openRejectedCounts({
  dataDir,
  clock,
  log,
}: {
  readonly dataDir: string;
  readonly clock: SchedulerLike;
  readonly log: Log;
}): Promise<RejectedCounts> {
  const path = join(dataDir, rejectedState);
  const damaged = (): void => log('warn', 'the counts of refused mail are damaged; they begin anew', { path });
  const first = await notedOr<Readonly<Record<string, number>>>(path, {}, damaged);
  const counts = new Map(Object.entries(first));
  const keeper = keepingNewest(path, first, { what: 'the counts of refused mail', log });
  let isSaved = true;
  let resting: Subscription | null = null;
  const save = (): void => {
    if (isSaved) return;
    isSaved = true;
    keeper.keep(Object.fromEntries(counts));
  };
  const saveSoon = (): void => {
    if (resting !== null) return;
    save();
    resting = clock.schedule(() => {
      resting = null;
      if (!isSaved) saveSoon();
    }, saveEveryMs);
  };
  return {
    of: (definitionId) => counts.get(definitionId) ?? 0,
    all: () => Object.fromEntries(counts),
    add: (definitionId) => {
      counts.set(definitionId, (counts.get(definitionId) ?? 0) + 1);
      isSaved = false;
      saveSoon();
    },
    [Symbol.asyncDispose]: async () => {
      resting?.unsubscribe();
      save();
      await keeper.settled();
    },
  };
}
