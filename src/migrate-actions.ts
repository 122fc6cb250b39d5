import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { asyncScheduler } from 'rxjs';
import { messageOf } from '../streams/failure.ts';
import { createClient } from './cli/client.ts';
import { CommandFailure, type ExitCode, exitCodes } from './cli/exit-codes.ts';
import type { MigrateActions, MoveTold } from './cli/migrate-options.ts';
import { closing } from './close.ts';
import type { ClusterPlace } from './cluster/migrate-rows.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import type { SignedHead } from './evidence/head.ts';
import type { FolderParts } from './folder-actions.ts';
import type { MasterKey } from './master-key.ts';

export interface MigrateParts extends Pick<FolderParts, 'configuration' | 'locate'> {
  readonly exitCodeOf: (error: unknown) => ExitCode;
}

/** Rounds of a copy: each takes what came during the one before, so the rest is a few seconds of mail after two or three. */
const maxRounds = 20;
const shortRoundMs = 5_000;

/** The work of `daybook migrate`, on a data directory and the database of a cluster. */
export function migrateActions(parts: MigrateParts): MigrateActions {
  const failing = <T>(work: () => Promise<T>): Promise<T> => asCommand(parts, work);
  return {
    movePlan: (config) =>
      failing(async () => {
        const { dataDir, master, cluster } = await settingsOf(parts, config);
        const { planMove } = await import('./cluster/migrate-plan.ts');
        const { openPostgres } = await import('./cluster/postgres.ts');
        const { clusterLog } = await import('./cluster/open-cluster.ts');
        await using postgres = openPostgres(cluster.postgres.reveal());
        return await planMove({ dataDir, master, postgres, log: clusterLog });
      }),
    moveCopy: (options, told) =>
      failing(async () => {
        const settings = await settingsOf(parts, options.config);
        return withPlace(settings, (place) => copyRounds(parts, { ...settings, token: options.token, place, told }));
      }),
    moveFinish: (config, told) =>
      failing(async () => {
        const settings = await settingsOf(parts, config);
        return withPlace(settings, (place) => finish(settings, place, told));
      }),
    moveVerify: ({ config, bytesPerSecond }, told) =>
      failing(async () => {
        const settings = await settingsOf(parts, config);
        const { verifyMove } = await import('./cluster/migrate-verify.ts');
        const { dataDir } = settings;
        const passed = (): number => performance.now();
        return withPlace(settings, (place) =>
          verifyMove({ place, dataDir, bytesPerSecond, told, pause: rest, passed }),
        );
      }),
    moveBack: ({ config, finish: isEnd }, told) =>
      failing(async () => {
        const settings = await settingsOf(parts, config);
        return withPlace(settings, (place) => back(settings, { place, isEnd, told }));
      }),
  };
}

const rest = async (ms: number): Promise<void> => void (await pause(ms));
const now = (): number => Date.now();

interface Settings {
  readonly file: string;
  readonly config: EngineConfig;
  readonly cluster: NonNullable<EngineConfig['cluster']>;
  readonly dataDir: string;
  readonly segmentBytes: number;
  readonly master: MasterKey | null;
}

/** @throws CommandFailure 78 where the configuration names no cluster, or files that cannot be moved */
async function settingsOf({ configuration }: MigrateParts, given: string | undefined): Promise<Settings> {
  const { file, config } = await configuration(given);
  const { toEngineOptions } = await import('./config/to-options.ts');
  const { dataDir, store } = toEngineOptions(config, { file, hostname: hostname() });
  const { cluster } = config;
  const refuse = (text: string): CommandFailure => new CommandFailure(exitCodes.invalidConfig, text);
  if (cluster === undefined) throw refuse('cluster is missing: it names the database that the archive moves into');
  if (config.store.bytes !== 'segments') throw refuse('only `store.bytes: segments` can be moved');
  // What is opened here is the archive in files, whichever of the two the engine runs on by now.
  const files: EngineConfig = { ...config, store: { ...config.store, backend: 'embedded' } };
  const { masterKeyFrom } = await import('./master-key.ts');
  const master = await masterKeyFrom(store.encryption);
  return { file, config: files, cluster, dataDir, segmentBytes: store.segmentBytes, master };
}

/** The log of the cluster, its tables made where they are missing. */
async function withPlace<T>({ cluster, master }: Settings, work: (place: ClusterPlace) => Promise<T>): Promise<T> {
  const { openPostgres } = await import('./cluster/postgres.ts');
  const { openLogRows } = await import('./cluster/open-shared-log.ts');
  const { clusterLog } = await import('./cluster/open-cluster.ts');
  await using stack = closing();
  const postgres = stack.use(openPostgres(cluster.postgres.reveal()));
  const { vaultOf } = await import('./engine/cluster-backend.ts');
  const openVault = vaultOf(cluster, asyncScheduler);
  const rows = await openLogRows(postgres, clusterLog);
  const vault = openVault === null ? null : stack.use(await openVault(rows.room));
  const { openLogSeal } = await import('./cluster/log-key.ts');
  const seal = await openLogSeal({ postgres, rows }, master);
  const { createSharedFiles } = await import('./cluster/shared-files.ts');
  const files = createSharedFiles({ postgres, log: rows.id, seal, keys: cluster.keys });
  return await work({ postgres, rows, vault, seal, files });
}

interface Round extends Settings {
  readonly token: string | undefined;
  readonly place: ClusterPlace;
  readonly told: MoveTold;
}

async function copyRounds(parts: MigrateParts, round: Round) {
  const { dataDir, place, told } = round;
  const keys = await keysOf(round);
  const { copyIn } = await import('./cluster/migrate-in.ts');
  const mark = await markOf(dataDir);
  for (let rounds = 1; ; rounds += 1) {
    const begun = performance.now();
    const upTo = await durableEnd(parts, round);
    const { seq: records, hash: head } = await copyIn({ dataDir, keys, place, mark, told, pause: rest }, upTo);
    if (rounds === maxRounds || performance.now() - begun < shortRoundMs) return { records, head, root: null };
  }
}

/** Keys of an archive in files; null where the configuration names none, and nothing needs one. @throws CommandFailure 78 */
async function keysOf({ dataDir, master }: Pick<Settings, 'dataDir' | 'master'>) {
  const { keyMissing } = await import('./cluster/migrate-plan.ts');
  const { openReading } = await import('./store/encryption.ts');
  const { keysFolder, readRecordKeys } = await import('./store/record-keys.ts');
  if (!(await openReading(dataDir, master)).hasKey) throw new CommandFailure(exitCodes.invalidConfig, keyMissing);
  return master === null ? null : readRecordKeys(keysFolder(dataDir), master);
}

/** What the log in files is known by. */
async function markOf(dataDir: string): Promise<number> {
  const { endOfFiles, logFolder } = await import('./cluster/migrate-files.ts');
  const end = await endOfFiles(logFolder(dataDir));
  if (end === null) throw new CommandFailure(exitCodes.failed, `there is no archive in ${dataDir}`);
  return end.mark;
}

/** The last record that is durable: of a running engine it says so itself, by a head that it signs. */
async function durableEnd({ locate }: MigrateParts, { dataDir, file, token }: Round): Promise<number> {
  const { isHeld } = await import('./store/lock.ts');
  if (await isHeld(dataDir)) {
    const client = createClient(await locate({ config: file, url: undefined, token }));
    return (await client.get<{ readonly head: SignedHead }>('/v1/head')).head.size;
  }
  const { endOfFiles, logFolder } = await import('./cluster/migrate-files.ts');
  return (await endOfFiles(logFolder(dataDir)))?.seq ?? 0;
}

async function finish(settings: Settings, place: ClusterPlace, told: MoveTold) {
  const { dataDir, config, file } = settings;
  const keys = await keysOf(settings);
  const { isMoved } = await import('./store/moved.ts');
  const { readMoveState } = await import('./cluster/migrate-state.ts');
  const { finishMove } = await import('./cluster/migrate-in.ts');
  const { clusterLog } = await import('./cluster/open-cluster.ts');
  const { openStoreOf } = await import('./rebuild-actions.ts');
  const state = (await readMoveState(place.postgres, place.rows.id))?.state;
  if (await isMoved(dataDir)) {
    if (state === 'here') return null;
    if (state === 'gone')
      throw new CommandFailure(
        exitCodes.failed,
        'it is on its way back: end that with `daybook migrate back --finish`',
      );
  }
  const mark = await markOf(dataDir);
  const opened = await openStoreOf({ file, config }, { evenIfMoved: true });
  await using store = opened.store;
  const parts = {
    dataDir,
    keys,
    place,
    mark,
    told,
    pause: rest,
    store,
    log: clusterLog,
    files: await sharedFiles(),
    now,
  };
  return await finishMove(parts);
}

/** Files that each worker has the same of. */
async function sharedFiles(): Promise<readonly string[]> {
  const { keyFile, publicKeyFile } = await import('./evidence/signing-key.ts');
  const { definitionKeyFile } = await import('./engine/definition-secrets.ts');
  return [definitionKeyFile, keyFile, publicKeyFile];
}

async function back(
  { dataDir, segmentBytes, master, config, file }: Settings,
  { place, isEnd, told }: Pick<Round, 'place' | 'told'> & { readonly isEnd: boolean },
) {
  const { copyBack, finishBack } = await import('./cluster/migrate-back.ts');
  const { clusterLog } = await import('./cluster/open-cluster.ts');
  const { openStoreOf } = await import('./rebuild-actions.ts');
  const parts = { dataDir, segmentBytes, master, place, log: clusterLog, now, told, pause: rest };
  if (!isEnd) {
    const { seq: records, hash: head } = await copyBack(parts);
    return { records, head, root: null };
  }
  const openThem = async (how: object) => (await openStoreOf({ file, config }, { evenIfMoved: true, ...how })).store;
  const isUnknown = (error: unknown): boolean => (error as { code?: string }).code === 'index-unknown';
  const openFiles = () =>
    openThem({}).catch((error: unknown) => {
      if (!isUnknown(error)) throw error;
      return openThem({ rebuild: { folded: () => undefined } });
    });
  return finishBack({ ...parts, files: await sharedFiles(), openFiles });
}

async function asCommand<T>({ exitCodeOf }: MigrateParts, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(exitCodeOf(error), messageOf(error), { cause: error });
  }
}
