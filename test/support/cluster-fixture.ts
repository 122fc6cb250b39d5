import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { type ClusterStoreOptions, openClusterStore } from '../../src/cluster/open-cluster-store.ts';
import { lockDataDir, type Store } from '../../src/store/open-store.ts';
import { keepOpen, type ReopeningStore } from '../../src/store/reopening-store.ts';
import { eventually } from './eventually.ts';
import { receivedOf } from './stream-shapes.ts';
import { VirtualClock } from './virtual-time.ts';

/** The stores of workers of one cluster, each with an index of its own; nothing takes leases here. */
export interface ClusterFixture extends AsyncDisposable {
  readonly log: string;
  /** Opens the store of a worker, anew where it was opened before. */
  open(worker: string, options?: Partial<ClusterStoreOptions>): Promise<Store>;
}

export interface ClusterFixtureOptions {
  /** Connection string. */
  readonly postgres: string;
  readonly clock?: SchedulerLike;
  readonly now?: () => number;
  /** Name of the log; a new one by default. */
  readonly log?: string;
}

export async function openClusterFixture({
  postgres,
  clock = asyncScheduler,
  now = () => Date.now(),
  log = `log-${randomUUID()}`,
}: ClusterFixtureOptions): Promise<ClusterFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-cluster-'));
  const stores = new Set<Store>();
  return {
    log,
    open: async (worker, options = {}) => {
      const dataDir = join(folder, worker);
      const lock = await lockDataDir({ dataDir });
      const place = { dataDir, postgres, log, worker, clock, now };
      const parts = { ...place, master: null, openVault: null, tokenOf: () => '1', journalTypeOf };
      const store = await openClusterStore({ ...parts, ...options }, lock).catch(async (error: unknown) => {
        await lock[Symbol.asyncDispose]();
        throw error;
      });
      stores.add(store);
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await Promise.resolve(store[Symbol.asyncDispose]()).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The store of a worker, which comes back by itself after a failure. */
export function keepWorker(
  cluster: ClusterFixture,
  worker: string,
  { clock = asyncScheduler, ...options }: Partial<ClusterStoreOptions> = {},
): Promise<ReopeningStore> {
  return keepOpen({
    open: () => cluster.open(worker, { ...options, clock }),
    probe: async () => undefined,
    clock,
    lock: { [Symbol.asyncDispose]: async () => undefined },
  });
}

/** A clock of which some 20 s pass in one: of a server that is away, patience and rests are over soon. */
export function quickClock(): { readonly clock: SchedulerLike } & Disposable {
  const clock = new VirtualClock(Date.now());
  const ticking = setInterval(() => clock.runUntil(clock.now() + 100), 5);
  return { clock, [Symbol.dispose]: () => clearInterval(ticking) };
}

const journalTypeOf = () => 'eej' as const;

/** Takes one message into custody. */
export async function takeInto(
  store: Store,
  intakeId: string,
  {
    definitionId = 'exchange',
    at,
    text = intakeId,
  }: { readonly definitionId?: string | null; readonly at: number; readonly text?: string },
): Promise<void> {
  const receipt = store.custody.begin();
  await receipt.write(Buffer.from(text));
  await receipt.commit(receivedOf(intakeId, { definitionId, receivedAt: at }));
}

/** Both have folded the same log to its end. */
export const sameHead = (one: Store, two: Store, withinMs = 5_000): Promise<unknown> =>
  eventually(async () => two.log.head.hash === one.log.head.hash, { withinMs, what: 'the same head' });
