import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SchedulerLike } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { Closing } from '../close.ts';
import { rewrapLogKey } from '../cluster/log-key.ts';
import { type LogReader, openLogReader } from '../cluster/log-reader.ts';
import { type Cluster, type ClusterOptions, clusterLog, openCluster } from '../cluster/open-cluster.ts';
import { openClusterStore } from '../cluster/open-cluster-store.ts';
import { openLogRows } from '../cluster/open-shared-log.ts';
import { openPostgres } from '../cluster/postgres.ts';
import { S3Error } from '../cluster/s3-answers.ts';
import { type S3Vault, s3Vault } from '../cluster/s3-vault.ts';
import { ServerClock } from '../cluster/server-clock.ts';
import type { Vault } from '../cluster/vault.types.ts';
import type { EngineOptions } from '../config/to-options.ts';
import { checkedDurationMs } from '../config/units.ts';
import { keyFile, openSigner, publicKeyFile } from '../evidence/signing-key.ts';
import { lockDataDir, type Store, type StoreOptions } from '../store/open-store.ts';
import type { ReopeningStore } from '../store/reopening-store.ts';
import { writeWhole } from '../whole-file.ts';
import type { Backend, BackendParts } from './backend.ts';
import { clusterDuties } from './cluster-duties.ts';
import { definitionKey, definitionKeyFile } from './definition-secrets.ts';
import { createNewId } from './new-id.ts';

/** What `openBackend` has prepared for either backend. */
export interface ClusterBackendParts extends BackendParts {
  readonly shared: Parameters<Cluster['openStore']>[0];
  /** Opens a store, anew where it has failed, in the folder that is locked for it. */
  readonly open: (openWith: (lock: AsyncDisposable) => Promise<Store>) => Promise<ReopeningStore>;
}

/** The backend of a worker. @throws EngineFailure as `openBackend` */
export async function openClusterBackend(
  { dataDir, cluster: clustered }: EngineOptions,
  { shared, open, ...parts }: ClusterBackendParts,
  stack: Closing,
): Promise<Backend> {
  const clock = new ServerClock(parts.clock, () => performance.now());
  const place = placeOf(clustered, { master: parts.master, clock });
  const cluster = stack.use(await openCluster({ ...place, clock }));
  const store = await open((lock) => cluster.openStore({ ...shared, now: clock.now }, lock));
  await shareKeys(dataDir, cluster);
  const tenures = await cluster.join(await homeOf(dataDir));
  const duties = stack.use(
    clusterDuties({ tenures, board: cluster.board, worker: place.worker, clock, log: parts.log }),
  );
  const { probe, bodies, hurry } = cluster;
  const sight = { ...probe, bodies, hurry, workers: () => tenures.workers, clockAheadMs: () => clock.aheadMs };
  return { store, duties, clock, logBytes: () => cluster.logBytes(), sight, packs: cluster.packs };
}

/** The store of a worker that is stopped, for a command. @throws EngineFailure as `openBackend` */
export async function openClusterAtRest(
  { dataDir, cluster }: EngineOptions,
  parts: Pick<StoreOptions, 'journalTypeOf' | 'rebuild' | 'now'> & Pick<BackendParts, 'master' | 'clock'>,
): Promise<Store> {
  const lock = await lockDataDir({ dataDir });
  try {
    // What only the holder of a definition may write is not written here.
    return await openClusterStore({ dataDir, ...placeOf(cluster, parts), ...parts, tokenOf: () => null }, lock);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** The log of a cluster, to be read beside the engines that write it. @throws EngineFailure `store-failed`, `key-unusable` */
export const openLogAtRest = (
  { cluster }: Pick<EngineOptions, 'cluster'>,
  parts: Pick<BackendParts, 'master' | 'clock'>,
): Promise<LogReader> => openLogReader(placeOf(cluster, parts));

/** Puts another master key in the place of the one of the log of a cluster. @throws as `rewrapLogKey` */
export async function rewrapAtRest(
  { cluster }: Pick<EngineOptions, 'cluster'>,
  keys: Parameters<typeof rewrapLogKey>[1],
  clock: SchedulerLike,
): Promise<boolean> {
  const { postgres: url, log } = placeOf(cluster, { master: keys.from, clock });
  await using postgres = openPostgres(url);
  return await rewrapLogKey({ postgres, rows: await openLogRows(postgres, log) }, keys);
}

function placeOf(
  clustered: EngineOptions['cluster'],
  { master, clock }: Pick<BackendParts, 'master' | 'clock'>,
): ClusterOptions {
  if (clustered === null) throw new Error('a cluster without its options');
  const { worker, keys, postgres } = clustered;
  const openVault = vaultOf(clustered, clock);
  return { postgres: postgres.reveal(), master, log: clusterLog, worker, keys, openVault, clock };
}

/** A sender is told to come again, rather than kept waiting. */
const s3PatienceMs = 20_000;

/** Keys of the bucket begin with it; behind it each log has a room of its own. */
const bucketPrefix = 'daybook';

/** Where bodies lie, in a bucket that logs of other databases may use too; null: in the database. */
export function vaultOf(
  { bodies, s3 }: Pick<NonNullable<EngineOptions['cluster']>, 'bodies' | 's3'>,
  clock: SchedulerLike,
) {
  if (bodies === 'postgres' || s3 === undefined) return null;
  const newId = createNewId(clock);
  const { endpoint, region, bucket, lock } = s3;
  const place = { endpoint, region, bucket, accessKey: s3.accessKey.reveal(), secretKey: s3.secretKey };
  const options = { place, prefix: bucketPrefix, newId, random: Math.random, patienceMs: s3PatienceMs };
  const modes = { governance: 'GOVERNANCE', compliance: 'COMPLIANCE' } as const;
  const objectLock = lock && { mode: modes[lock.mode], retainMs: checkedDurationMs(lock.for) };
  let isChecked = objectLock === undefined;
  return async (room: string): Promise<Vault> => {
    const vault = s3Vault({ ...options, room, ...(objectLock === undefined ? {} : { objectLock }) }, clock);
    if (!isChecked) isChecked = await canLock(vault, bucket);
    return vault;
  };
}

/**
 * False: the bucket does not answer, or its clock is not the database's; then it refuses by itself what cannot be locked.
 * @throws BucketUnfit
 */
async function canLock(vault: S3Vault, bucket: string): Promise<boolean> {
  try {
    await vault.check();
    return true;
  } catch (error) {
    if (error instanceof S3Error && (error.isPassing || error.code === 'RequestTimeTooSkewed')) return false;
    await vault[Symbol.asyncDispose]();
    throw new BucketUnfit(bucket, error);
  }
}

/** What is wrong with the configuration, or with the bucket it names. */
class BucketUnfit extends Error {
  constructor(bucket: string, cause: unknown) {
    super(`cluster.s3.lock: packs cannot be locked in the bucket ${bucket}: ${messageOf(cause)}`, { cause });
    this.name = 'BucketUnfit';
  }
}

/** In the data directory of a worker: what it is known by in a cluster, whatever it is named. */
const homeFile = 'worker.id';

async function homeOf(dataDir: string): Promise<string> {
  const path = join(dataDir, homeFile);
  const found = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f-]{36}$/.test(found)) return found;
  const made = randomUUID();
  await writeWhole(path, made, 0o600);
  return made;
}

/** Passwords are sealed and heads are signed under the same keys on every worker: those of the first one. */
async function shareKeys(dataDir: string, { files }: Cluster): Promise<void> {
  await share(files, dataDir, { name: definitionKeyFile, make: () => definitionKey(dataDir) });
  // The public half follows from it.
  if (await share(files, dataDir, { name: keyFile, make: () => openSigner(dataDir) }))
    await rm(join(dataDir, publicKeyFile), { force: true });
}

/** True: this worker had another one, or none. */
async function share(
  files: Cluster['files'],
  dataDir: string,
  { name, make }: { readonly name: string; readonly make: () => Promise<unknown> },
): Promise<boolean> {
  const path = join(dataDir, name);
  // Before one is made: where this worker has to be given it, nothing else should stand in its place.
  await files.find(name, await readFile(path).catch(() => null));
  await make();
  const own = await readFile(path);
  const shared = Buffer.from(await files.share(name, own));
  if (shared.equals(own)) return false;
  await writeWhole(path, shared, 0o600);
  // Now that it is on disk here, it need not rest where it was read.
  await files.share(name, shared);
  return true;
}
