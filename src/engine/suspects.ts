import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Observable, type SchedulerLike } from 'rxjs';
import type { Suspicion } from '../../streams/careful.ts';
import type { SpoolItem } from '../../streams/message.ts';
import { exclusive } from '../exclusive.ts';
import type { Log } from '../log.ts';
import { readNoted, writeNoted } from '../noted-file.ts';

/** Stands while an engine runs, and after one that ended without a stop. */
export const suspectsState = 'suspects.state';

/** As the file has it. */
interface Life {
  /** The item that is worked on alone. */
  readonly working: string | null;
  /** Attempts by intake id, the one under way among them. */
  readonly attempts: Readonly<Record<string, number>>;
}

/** The first attempt is not counted: whatever is unsettled when the process is gone may be its cause. */
const unseen = 1;
/**
 * First items of a line that are suspect: twice what it has in work at once. What came before the culprit has settled, so
 * it is among the next ones, however much waits.
 */
const suspectsOfLine = 256;
/** A process that has lived so long has outlived what was in its first windows. */
const calmAfterMs = 120_000;

/**
 * Remembers over the end of the process what was worked on (D-057). Costs a write at the start and one when it is calm;
 * after an end without a stop one before each of the first items of a line. A disk that cannot keep it is no reason to
 * let mail wait: it goes on uncounted.
 */
export interface Suspects extends Suspicion, AsyncDisposable {}

export async function openSuspects({
  dataDir,
  clock,
  log,
}: {
  readonly dataDir: string;
  readonly clock: SchedulerLike;
  readonly log: Log;
}): Promise<Suspects> {
  const path = join(dataDir, suspectsState);
  const before = await lifeBefore(path);
  let life: Life = before ?? nobody;
  const save = async (next: Life): Promise<void> => {
    life = next;
    await writeNoted(path, next).catch((error: unknown) =>
      log('warn', 'an attempt could not be counted', { error: String(error) }),
    );
  };
  if (before !== null) log('warn', 'the engine before ended without a stop', { working: before.working });
  await save(life);
  let isSuspicious = before !== null;
  const seen = new Map<string | null, number>();
  const inTurn = exclusive();
  const calm = clock.schedule(() => {
    isSuspicious = false;
    void inTurn(() => save(nobody));
  }, calmAfterMs);
  const attemptsOf = ({ intakeId }: SpoolItem): number | undefined => life.attempts[intakeId];
  const begin = async (item: SpoolItem): Promise<number> => {
    const { intakeId, definitionId } = item;
    seen.set(definitionId, (seen.get(definitionId) ?? 0) + 1);
    const attempts = attemptsOf(item) ?? unseen;
    await save({ ...life, working: intakeId, attempts: { ...life.attempts, [intakeId]: attempts + 1 } });
    return attempts;
  };
  let waiting = 0;
  const outlived = async ({ intakeId }: SpoolItem): Promise<void> => {
    const { [intakeId]: _, ...attempts } = life.attempts;
    life = { working: null, attempts };
    // Who comes next writes it too.
    if (waiting === 0) await save(life);
  };
  return {
    isSuspect: (item) =>
      attemptsOf(item) !== undefined || (isSuspicious && (seen.get(item.definitionId) ?? 0) < suspectsOfLine),
    alone: (item, work) =>
      new Observable((subscriber) => {
        waiting += 1;
        const turn = async (): Promise<void> => {
          waiting -= 1;
          if (subscriber.closed) return;
          const attempts = await begin(item);
          await new Promise<void>((ended) => {
            subscriber.add(ended);
            if (!subscriber.closed) work(attempts).subscribe(subscriber);
          });
          await outlived(item);
        };
        void inTurn(turn);
      }),
    [Symbol.asyncDispose]: async () => {
      calm.unsubscribe();
      await inTurn(() => rm(path, { force: true })).catch((error: unknown) =>
        log('warn', 'the stop could not be noted', { error: String(error) }),
      );
    },
  };
}

const nobody: Life = { working: null, attempts: {} };

/** What the last life left; null: it ended by a stop, or there was none. */
async function lifeBefore(path: string): Promise<Life | null> {
  const noted = await readNoted(path).catch(() => ({ kind: 'damaged' }) as const);
  if (noted.kind === 'none') return null;
  return noted.kind === 'damaged' ? nobody : (noted.value as Life);
}
