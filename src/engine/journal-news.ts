import type { Subject } from 'rxjs';
import { emittedBy, type JournalActor } from '../../machines/follow.ts';
import { runtimeOf } from '../../machines/journal.context.ts';
import type { RuntimeRecord } from '../../machines/journal.events.ts';
import { definitionDuty } from './duties.ts';
import { draftOf } from './notes.ts';
import type { Workshop } from './workshop.ts';

/** Hears one journal: its notes go to the event log, its runtime record to the store, its changes to the stream. */
export function followJournal(
  workshop: Workshop,
  changed$: Subject<string>,
  definitionId: string,
  journal: JournalActor,
): void {
  const { clock, log, duties } = workshop;
  emittedBy(journal).subscribe((emitted) => {
    // Its evidence is that of whoever runs it.
    if (!duties.isMine(definitionDuty(definitionId))) return;
    if (emitted.type !== 'runtime.due') {
      const draft = draftOf(definitionId, emitted);
      if (draft !== null) workshop.note(draft);
      return;
    }
    saveRuntime(workshop, definitionId, runtimeOf(journal.getSnapshot().context, clock.now())).catch((error: unknown) =>
      log('error', 'the runtime record could not be saved', { definitionId, error: String(error) }),
    );
  });
  journal.subscribe({ next: () => changed$.next(definitionId), error: () => changed$.next(definitionId) });
}

export async function saveRuntime(
  { store, duties }: Workshop,
  definitionId: string,
  record: RuntimeRecord,
): Promise<void> {
  if (duties.isMine(definitionDuty(definitionId))) await store.definitions.saveRuntime(definitionId, { ...record });
}
