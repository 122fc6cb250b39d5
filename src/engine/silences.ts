import { join } from 'node:path';
import { exhaustMap, from, repeat, type SchedulerLike, timer } from 'rxjs';
import type { Log } from '../log.ts';
import { notedOr, writeNoted } from '../noted-file.ts';
import { type Learning, learn, nothingLearnt, type Silences, type UsualSilence, usualAt } from './usual-silence.ts';

/** What is usual, kept over restarts. */
export const silencesState = 'silences.state';
const lookEveryMs = 60_000;
/** An hour is learnt at its end; a crash forgets one. */
const looksToSave = 60;
/** Definitions that are learnt about: 168 hours of 8 weeks are 20 KB of text each. */
const maxDefinitions = 500;

/** How long each definition is usually silent, by hour of the week. */
export interface SilenceBook {
  usual(definitionId: string, now: number): UsualSilence | null;
}

export interface SilenceParts {
  readonly dataDir: string;
  /** Each definition that waits to be sent to, with how long it has been silent; null while it does not listen. */
  readonly silent: () => readonly (readonly [definitionId: string, silentMs: number | null])[];
  readonly clock: SchedulerLike;
  readonly log: Log;
}

/** Looks once a minute, learns, and keeps what it has learnt once an hour and at the end. */
export async function openSilences({
  dataDir,
  silent,
  clock,
  log,
}: SilenceParts): Promise<SilenceBook & AsyncDisposable> {
  const path = join(dataDir, silencesState);
  const learnt = new Map<string, Learning>();
  const kept = await notedOr<Readonly<Record<string, Silences>>>(path, {}, () =>
    log('warn', 'what is usual is damaged; it is learnt anew', { path }),
  );
  for (const [id, silences] of Object.entries(kept)) learnt.set(id, { silences, current: null });
  let looks = 0;
  const save = async (): Promise<void> => {
    const known = Object.fromEntries([...learnt].map(([id, { silences }]) => [id, silences]));
    await writeNoted(path, known).catch((error: unknown) =>
      log('warn', 'what is usual could not be kept', { error: String(error) }),
    );
  };
  const look = async (): Promise<void> => {
    const now = clock.now();
    const listed = silent().slice(0, maxDefinitions);
    const known = new Set(listed.map(([id]) => id));
    for (const id of learnt.keys()) if (!known.has(id)) learnt.delete(id);
    for (const [id, silentMs] of listed) learnt.set(id, learn(learnt.get(id) ?? nothingLearnt, silentMs, now));
    looks += 1;
    if (looks % looksToSave === 0) await save();
  };
  const looking = timer(lookEveryMs, clock)
    .pipe(
      exhaustMap(() => from(look())),
      repeat(),
    )
    .subscribe();
  return {
    usual: (id, now) => usualAt(learnt.get(id)?.silences ?? nothingLearnt.silences, now),
    [Symbol.asyncDispose]: async () => {
      looking.unsubscribe();
      await save();
    },
  };
}
