import type { SchedulerLike } from 'rxjs';
import type { EventDraft } from '../../streams/ports.ts';
import type { ContentAccess } from '../http/api.types.ts';

/** The same person at the same message is told of once in this time: a screen looks again and again. */
const repeatedAfterMs = 60_000;
/** Accesses remembered for that; beyond it the memory starts anew, which costs an event more. */
const maxRemembered = 10_000;

const types = {
  view: 'message.viewed',
  search: 'messages.searched',
  download: 'message.downloaded',
  'intake-download': 'intake.downloaded',
  prove: 'intake.proved',
} as const satisfies Record<ContentAccess['kind'], string>;

/**
 * Who saw which mail (SEC 17a-4(f), reliability 1): each view, search and download of content is a line of the event log,
 * without any of the content. Written while the answer goes out, never waited for.
 */
export function createAccessTrail(clock: SchedulerLike, note: (draft: EventDraft) => void) {
  let toldAt = new Map<string, number>();
  return (access: ContentAccess): void => {
    const { kind, actor, entryId = null, intakeId = null, peer, query } = access;
    const at = clock.now();
    const key = JSON.stringify([kind, actor, entryId, intakeId, query]);
    if (at - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeatedAfterMs) return;
    if (toldAt.size >= maxRemembered) toldAt = new Map();
    toldAt.set(key, at);
    const data = query === undefined ? { peer } : { peer, query };
    note({ type: types[kind], severity: 'info', actor, definitionId: null, intakeId, entryId, data });
  };
}
