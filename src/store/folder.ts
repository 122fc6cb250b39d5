import type { StoreParts } from './assemble-store.ts';
import type { LogRecord } from './commit-log.types.ts';
import { foldGroup, type Touched } from './fold.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';

/** The index is synced after this much of the log, which bounds what a start after a power cut folds again. */
const checkpointBytes = 64 * 1024 * 1024;

/** Folds groups, and writes the index now and then: synced, each `checkpointBytes` of the log. */
export function folder(
  index: IndexDb,
  memory: IndexMemory,
  parts: Pick<StoreParts, 'now' | 'checkpointBytes' | 'documents'>,
): (group: readonly LogRecord[]) => Promise<Touched> {
  const { now, checkpointBytes: checkpointEach = checkpointBytes, documents } = parts;
  const keepsMailboxes = documents === undefined;
  let unsynced = 0;
  return async (group) => {
    for (const { payloadLength } of group) unsynced += payloadLength + 1_024;
    const touched = await foldGroup({ index, memory, keepsMailboxes }, group);
    if (unsynced >= checkpointEach) {
      unsynced = 0;
      await index.behind.flush({ sync: true });
    } else await index.behind.flushIfOld(now());
    return touched;
  };
}
