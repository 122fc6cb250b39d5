import type { SchedulerLike } from 'rxjs';
import type { Closing } from '../close.ts';
import type { EngineOptions } from '../config/to-options.ts';
import type { Log } from '../log.ts';
import type { MasterKey } from '../master-key.ts';
import { openLocked, openStore, type Store, type StoreOptions } from '../store/open-store.ts';
import { openReopeningStore, type ReopeningStore } from '../store/reopening-store.ts';
import type { ClusterSight } from './cluster-watch.ts';
import { allDuties, type Duties } from './duties.ts';
import type { SharedPacks } from './pack-sweep.ts';

export interface BackendParts extends Pick<StoreOptions, 'journalTypeOf' | 'readLarge'> {
  readonly master: MasterKey | null;
  readonly clock: SchedulerLike;
  readonly log: Log;
}

/** Where mail is kept, and what of the work is this engine's. Only this file knows which of the two backends runs. */
export interface Backend {
  readonly store: ReopeningStore;
  readonly duties: Duties;
  /** The store's, by which all is judged; of a machine by itself its own. */
  readonly clock: SchedulerLike;
  /** How much the log takes where it does not lie in the data directory. @throws what the database throws */
  readonly logBytes: () => Promise<number>;
  /** What this engine sees of the others; null: it is by itself. */
  readonly sight: ClusterSight | null;
  /** Null: nothing lies in object storage. */
  readonly packs: SharedPacks | null;
}

/**
 * The cluster and its database are loaded where they are used: an engine by itself starts without them.
 * @throws EngineFailure `locked`, `key-unusable`, `index-unknown`, `store-failed`
 */
export async function openBackend(options: EngineOptions, parts: BackendParts, stack: Closing): Promise<Backend> {
  const { clock } = parts;
  const { dataDir, store: storing } = options;
  const { minimumFreeBytes, bytes, segmentBytes } = storing;
  const shared = { dataDir, now: () => clock.now(), journalTypeOf: parts.journalTypeOf, readLarge: parts.readLarge };
  const open = async (openWith: (lock: AsyncDisposable) => Promise<Store>): Promise<ReopeningStore> =>
    stack.use(await openReopeningStore({ dataDir, minimumFreeBytes, openLocked: openWith }, clock));
  if (bytes !== 'database') {
    const files = { ...shared, bytes, segmentBytes, master: parts.master };
    const store = await open((lock) => openLocked(files, lock));
    return { store, duties: allDuties, clock, logBytes: async () => 0, sight: null, packs: null };
  }
  const { openClusterBackend } = await import('./cluster-backend.ts');
  return await openClusterBackend(options, { ...parts, shared, open }, stack);
}

/** Opens the store of an engine that is stopped, for a command. @throws EngineFailure as `openBackend` does */
export async function openStoreAtRest(
  options: EngineOptions,
  parts: Pick<StoreOptions, 'journalTypeOf' | 'rebuild' | 'now'> & Pick<BackendParts, 'master' | 'clock'>,
): Promise<Store> {
  const { dataDir, store } = options;
  const { bytes, segmentBytes } = store;
  if (bytes !== 'database') return openStore({ dataDir, bytes, segmentBytes, ...parts });
  const { openClusterAtRest } = await import('./cluster-backend.ts');
  return await openClusterAtRest(options, parts);
}
