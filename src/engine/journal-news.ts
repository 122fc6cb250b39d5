import type { Subject } from 'rxjs';
import { emittedBy, type JournalActor } from '../../machines/follow.ts';
import { runtimeOf } from '../../machines/journal.context.ts';
import type { JournalEmitted, JournalNote, RuntimeRecord } from '../../machines/journal.events.ts';
import type { EventDraft } from '../../streams/ports.ts';
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
  const { clock, log } = workshop;
  const noting = notingIn(workshop, definitionId);
  const hear = (emitted: JournalEmitted): void => {
    if (emitted.type !== 'runtime.due') {
      const isOwn = journal.getSnapshot().context.transport === 'smtp' && isOfListener(emitted);
      noting.note(draftOf(definitionId, emitted), isOwn);
      return;
    }
    saveRuntime(workshop, definitionId, runtimeOf(journal.getSnapshot().context, clock.now())).catch((error: unknown) =>
      log('error', 'the runtime record could not be saved', { definitionId, error: String(error) }),
    );
  };
  emittedBy(journal).subscribe({ next: hear, complete: () => noting.end() });
  journal.subscribe({ next: () => changed$.next(definitionId), error: () => changed$.next(definitionId) });
}

/** By SMTP an error is that of this engine's own listener, whoever runs the definition. */
const isOfListener = (emitted: JournalNote): boolean =>
  emitted.type === 'connector.error' || (emitted.type === 'connector.recovered' && emitted.from === 'error');

/** Notes that no engine may write yet. A start takes a second, the takeover of a dead engine's definition some fifteen. */
const maxWaiting = 64;
const freshMs = 30_000;

interface Noting {
  note(draft: EventDraft | null, isOwn: boolean): void;
  end(): void;
}

/**
 * Its evidence is that of whoever runs it. What comes while nobody does waits until it is clear who will, and is
 * dropped where that is another one, which has noted the same.
 */
function notingIn({ duties, clock, note }: Workshop, definitionId: string): Noting {
  const name = definitionDuty(definitionId);
  let waiting: { readonly draft: EventDraft; readonly at: number }[] = [];
  const gained = duties.mine$(name).subscribe((isMine) => {
    const fresh = isMine ? waiting.filter(({ at }) => clock.now() - at < freshMs) : [];
    if (isMine) waiting = [];
    for (const { draft } of fresh) note(draft);
  });
  return {
    note: (draft, isOwn) => {
      if (draft === null) return;
      if (isOwn || duties.isMine(name)) note(draft);
      else if (duties.doerOf(name) !== null) waiting = [];
      else if (waiting.length < maxWaiting) waiting.push({ draft, at: clock.now() });
    },
    end: () => gained.unsubscribe(),
  };
}

export async function saveRuntime(
  { store, duties }: Workshop,
  definitionId: string,
  record: RuntimeRecord,
): Promise<void> {
  if (duties.isMine(definitionDuty(definitionId))) await store.definitions.saveRuntime(definitionId, { ...record });
}

/** The same of all, one after another. */
export async function saveRuntimes(
  workshop: Workshop,
  records: Readonly<Record<string, RuntimeRecord>>,
): Promise<void> {
  for (const [id, record] of Object.entries(records)) await saveRuntime(workshop, id, record);
}
