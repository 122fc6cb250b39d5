import type { SchedulerLike } from 'rxjs';
import { closing, once } from '../close.ts';
import type { MasterKey } from '../master-key.ts';
import type { Store, StoreOptions } from '../store/open-store.ts';
import { BodiesSight } from './bodies-sight.ts';
import { type ClusterBoard, createClusterBoard } from './cluster-board.ts';
import { type ClusterProbe, createClusterProbe } from './cluster-probe.ts';
import { DropRows } from './drop-rows.ts';
import { openLogSeal } from './log-key.ts';
import { openClusterStore } from './open-cluster-store.ts';
import { openLogRows } from './open-shared-log.ts';
import { removeUnlocked, type SweepOptions, sweepIfDue } from './pack-sweep.ts';
import { openPostgres, type Postgres } from './postgres.ts';
import type { ServerClock } from './server-clock.ts';
import { createSharedFiles, type KeysPlace, type SharedFiles } from './shared-files.ts';
import { SweepRows } from './sweep-rows.ts';
import { definitionTenure, openTenures, type Tenures } from './tenures.ts';
import type { Vault } from './vault.types.ts';

/** Name of the log of an engine: one database may hold others beside it. */
export const clusterLog = 'daybook';

export interface ClusterOptions {
  /** Connection string. */
  readonly postgres: string;
  /** Encrypts what is written from now on, and opens what is encrypted; null: nothing is. */
  readonly master: MasterKey | null;
  /** Of the log; the workers of one cluster name the same. */
  readonly log: string;
  readonly worker: string;
  /** The same on all workers. */
  readonly keys: KeysPlace;
  /** Opens the room of bodies, by its name; null: they lie in the database. */
  readonly openVault: ((room: string) => Promise<Vault>) | null;
  readonly clock: SchedulerLike;
}

/** Packs that are to go, in the room of bodies. */
export interface ClusterPacks {
  sweepIfDue(options: SweepOptions): ReturnType<typeof sweepIfDue>;
  removeUnlocked(options: Pick<SweepOptions, 'now' | 'isEnding'>): Promise<number>;
  /** Packs that are to go, and that a lock keeps. */
  locked(): Promise<number>;
  /** Before an end: what is under way ends within seconds. */
  hurry(): void;
}

/** One worker's place in a cluster, for the life of its engine; its store may be closed and opened anew meanwhile. */
export interface Cluster extends AsyncDisposable {
  readonly board: ClusterBoard;
  readonly files: SharedFiles;
  /** What the logs of the database take on its disks; payloads in object storage not counted. */
  logBytes(): Promise<number>;
  /** Takes the worker's place among the others, once it has its folder to itself and knows the log. @throws as `openTenures` */
  join(home: string): Promise<Tenures>;
  readonly probe: ClusterProbe;
  /** Packs that nothing names, in the room of bodies; null: bodies lie in the database. */
  readonly packs: ClusterPacks | null;
  /** @throws why no body can be stored now; never where bodies lie in the database */
  readonly bodies: () => Promise<void>;
  /** Before an end: bodies that are under way are stored within seconds, or refused, and a sweep is given up. */
  readonly hurry: () => void;
  openStore(
    options: Pick<StoreOptions, 'dataDir' | 'now' | 'journalTypeOf' | 'readLarge' | 'rebuild'>,
    lock: AsyncDisposable,
  ): Promise<Store>;
}

/** @throws EngineFailure `store-failed` where no database server can be written to, `key-unusable` */
export async function openCluster(options: ClusterOptions & { readonly clock: ServerClock }): Promise<Cluster> {
  const { worker, clock, log, openVault } = options;
  const stack = closing();
  try {
    const postgres = stack.use(openPostgres(options.postgres));
    // Before anything is judged by it.
    stack.use(await clock.follow(postgres));
    const rows = await openLogRows(postgres, log);
    const { id, room } = rows;
    const seal = await openLogSeal({ postgres, rows }, options.master);
    const bodies = new BodiesSight(clock);
    const passed = (): number => performance.now();
    const watched = openVault && (async (of: string) => bodies.watch(await openVault(of)));
    const packs = openVault && packsOf({ postgres, log: id, openVault: () => openVault(room) });
    let tenures: Tenures | null = null;
    return {
      board: createClusterBoard({ postgres, log: id, worker, seal }),
      files: createSharedFiles({ postgres, log: id, seal, keys: options.keys }),
      logBytes: async () => {
        const text = `select sum(pg_total_relation_size(t)) as bytes from unnest($1::regclass[]) as t`;
        const [row] = await postgres.run({ text, values: [['daybook.record', 'daybook.body']] });
        return Number(row?.['bytes']);
      },
      join: async (home) => {
        tenures = stack.use(await openTenures({ postgres, log: id, worker, clock, passed, home }));
        return tenures;
      },
      probe: createClusterProbe({ postgres, log: id, worker }),
      packs,
      bodies: () => bodies.look(),
      hurry: () => {
        bodies.hurry();
        packs?.hurry();
      },
      openStore: (parts, lock) => {
        const tokenOf = (definitionId: string): string | null =>
          tenures?.tokenOf(definitionTenure(definitionId)) ?? null;
        return openClusterStore({ ...options, ...parts, openVault: watched, tokenOf }, lock);
      },
      [Symbol.asyncDispose]: once(() => stack[Symbol.asyncDispose]()),
    };
  } catch (error) {
    await Promise.resolve(stack[Symbol.asyncDispose]()).catch(() => undefined);
    throw error;
  }
}

/** In a room that is opened for each pass: so nothing that is carried over shares a pack with what comes in. */
function packsOf({
  postgres,
  log,
  openVault,
}: {
  readonly postgres: Postgres;
  readonly log: number;
  readonly openVault: () => Promise<Vault>;
}): ClusterPacks {
  const drops = new DropRows(postgres, log);
  const open = new Set<Vault>();
  const within = async <T>(work: (vault: Vault) => Promise<T>): Promise<T> => {
    await using vault = await openVault();
    open.add(vault);
    try {
      return await work(vault);
    } finally {
      open.delete(vault);
    }
  };
  return {
    sweepIfDue: (options) =>
      within((vault) => sweepIfDue({ rows: new SweepRows(postgres, log), drops, vault }, options)),
    removeUnlocked: (options) => within((vault) => removeUnlocked({ rows: drops, vault, store: vault.store }, options)),
    locked: () => drops.locked(),
    hurry: () => {
      for (const vault of open) vault.hurry();
    },
  };
}
