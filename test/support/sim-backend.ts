import type { SchedulerLike } from 'rxjs';
import { allDuties, type Duties } from '../../src/engine/duties.ts';
import { assembleStore, type StoreParts } from '../../src/store/assemble-store.ts';
import { openCommitLog } from '../../src/store/commit-log.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { MemoryDisk } from './memory-bytes.ts';
import { simBytes } from './sim-bytes.ts';
import type { SimClock } from './sim-clock.ts';
import type { Plant } from './sim-figures.ts';
import { type IndexDisk, openSimIndex } from './sim-index.ts';
import type { Place } from './sim-mail.ts';
import type { SimPower } from './sim-power.ts';
import type { SimSettings } from './sim-settings.ts';

/** Of every log here: it is part of what is hashed. */
export const mark = 7;

/** What a life of the engine runs on. */
export interface SimBackend {
  readonly store: Store;
  readonly duties: Duties;
  /** By which this life judges. */
  readonly clock: SchedulerLike;
  /** Gives back what is held outside of the store; the store is closed by then. */
  close(): Promise<void>;
}

export interface BackendParts {
  readonly index: IndexDisk;
  readonly power: SimPower;
  readonly clock: SimClock;
  readonly settings: SimSettings;
  readonly plant: Plant | undefined;
}

/** A log in files of its own. */
export async function openOnDisk(parts: BackendParts & { readonly disk: MemoryDisk }): Promise<SimBackend> {
  const { disk, power, plant } = parts;
  const index = await openSimIndex(parts.index, power, plant);
  const bytes = simBytes(disk, power, plant);
  const openLog: StoreParts['openLog'] = (options) => openCommitLog({ ...options, bytes, mark });
  const store = await assembleStore({ ...storeOptions(parts), openLog, index });
  return { store, duties: allDuties, clock: parts.clock, close: async () => undefined };
}

/** What a store is told that does not depend on where its log lies. */
export const storeOptions = ({
  clock,
  settings,
}: Pick<BackendParts, 'settings'> & { readonly clock: Pick<SchedulerLike, 'now'> }) => ({
  lock: { [Symbol.asyncDispose]: async () => undefined },
  now: () => clock.now(),
  journalTypeOf: ({ definitionId }: { readonly definitionId: string | null }) =>
    settings.options[definitionId as Place].journalType,
  checkpointBytes: settings.checkpointBytes,
  chunkBytes: settings.chunkBytes,
});
