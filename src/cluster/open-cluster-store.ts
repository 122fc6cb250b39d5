import type { SchedulerLike } from 'rxjs';
import { closing } from '../close.ts';
import type { MasterKey } from '../master-key.ts';
import { assembleStore } from '../store/assemble-store.ts';
import { openIndexSeal } from '../store/index-seal.ts';
import type { Store, StoreOptions } from '../store/open-store.ts';
import { prepareIndex } from '../store/prepare-index.ts';
import { keysFolder } from '../store/record-keys.ts';
import { openLogSeal } from './log-key.ts';
import { refuseWhileMoved } from './migrate-state.ts';
import { openLogRows, openSharedLog } from './open-shared-log.ts';
import { openPostgres, type Postgres } from './postgres.ts';
import { createSharedDocuments } from './shared-documents.ts';
import type { Vault } from './vault.types.ts';

export interface ClusterStoreOptions
  extends Pick<StoreOptions, 'dataDir' | 'now' | 'journalTypeOf' | 'readLarge' | 'rebuild'> {
  /** Encrypts what is written from now on, and opens what is encrypted; null: nothing is. */
  readonly master: MasterKey | null;
  /** Connection string. */
  readonly postgres: string;
  /** Of the log; the workers of one cluster name the same. */
  readonly log: string;
  /** Opens the room of bodies, by its name; null: they lie in the database. */
  readonly openVault: ((room: string) => Promise<Vault>) | null;
  /** Unique among the workers of the log. */
  readonly worker: string;
  readonly clock: SchedulerLike;
  /** By what right this worker writes for a definition; null: it does not hold it. */
  readonly tokenOf: (definitionId: string) => string | null;
}

/**
 * The store of one worker of a cluster: log, bodies and documents are shared, the index in `dataDir` is its own (D-104).
 * @throws EngineFailure `index-unknown`, `key-unusable`, `store-failed`; MoveRefused where the log is being moved, or was moved away
 */
export async function openClusterStore(options: ClusterStoreOptions, lock: AsyncDisposable): Promise<Store> {
  const stack = closing();
  try {
    const postgres = stack.use(openPostgres(options.postgres));
    const rows = await openLogRows(postgres, options.log);
    const vault = options.openVault === null ? null : stack.use(await options.openVault(rows.room));
    await refuseWhileMoved(postgres, rows.id);
    const { dataDir, rebuild, master, worker, clock, tokenOf } = options;
    const seal = await openLogSeal({ postgres, rows }, master);
    const ofIndex = master === null ? null : await openIndexSeal(keysFolder(dataDir), master);
    const index = stack.use(await prepareIndex({ dataDir, rebuild, seal: ofIndex }));
    return await assembleStore({
      ...options,
      index,
      lock: after(lock, [vault, postgres]),
      openLog: (log) => openSharedLog({ ...log, postgres, rows, vault, seal, worker, clock, tokenOf }),
      documents: createSharedDocuments({ postgres, log: rows.id, seal, tokenOf }),
      isShared: true,
    });
  } catch (error) {
    await Promise.resolve(stack[Symbol.asyncDispose]()).catch(() => undefined);
    throw error;
  }
}

/** Closed in this order, the lock last. */
function after(lock: AsyncDisposable, resources: readonly (Vault | Postgres | null)[]): AsyncDisposable {
  const stack = closing();
  stack.use(lock);
  for (const resource of resources.toReversed()) if (resource !== null) stack.use(resource);
  return stack;
}
