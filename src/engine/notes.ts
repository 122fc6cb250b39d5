import type { EngineEmitted } from '../../machines/engine.events.ts';
import type { JournalEmitted } from '../../machines/journal.events.ts';
import type { EventDraft } from '../../streams/ports.ts';

/** What the charts say outward, as lines of the event log (journaling d.2); null for what only the engine hears. */
export function draftOf(definitionId: string | null, said: EngineEmitted | JournalEmitted): EventDraft | null {
  if (said.type === 'runtime.due' || said.type === 'journal.spawned') return null;
  const { type, at: _at, actor = 'engine', ...data } = { actor: undefined, ...said };
  const about = 'definitionId' in said ? said.definitionId : definitionId;
  return {
    type,
    severity: severityOf(type),
    actor,
    definitionId: about,
    intakeId: null,
    entryId: null,
    data,
  };
}

function severityOf(type: string): EventDraft['severity'] {
  if (type.endsWith('.error') || type === 'journal.broke') return 'error';
  return type === 'connector.down' ? 'warning' : 'info';
}
