import { hostname } from 'node:os';
import { messageOf } from '../streams/failure.ts';
import { createClient, type Endpoint } from './cli/client.ts';
import { CommandFailure, type ExitCode, exitCodes } from './cli/exit-codes.ts';
import type { Actions, LocateOptions, RekeyAnswer } from './cli/options.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import type { EngineOptions } from './config/to-options.ts';
import type { RepairPlan, RepairStep } from './engine/repair.ts';
import type { LogPlace, VerifyReport } from './engine/verification.ts';
import type { SignedHead } from './evidence/head.ts';
import type { MasterKey } from './master-key.ts';
import type { Verified } from './store/verify-segments.ts';

/** What these commands need of the others. */
export interface FolderParts {
  configuration(given: string | undefined): Promise<{ readonly file: string; readonly config: EngineConfig }>;
  locate(options: LocateOptions): Promise<Endpoint>;
  rebuildIndex(config: string | undefined, progress: (records: number) => void): Promise<number>;
}

/** The work of the commands that read or write a data directory themselves. The engine's modules are loaded only by those. */
export function folderActions(parts: FolderParts): Pick<Actions, 'verify' | 'backup' | 'restore' | 'repair' | 'rekey'> {
  const folderOf = async (given: string | undefined) => {
    const { file, config } = await parts.configuration(given);
    const { toEngineOptions } = await import('./config/to-options.ts');
    const { isHeld } = await import('./store/lock.ts');
    const options = toEngineOptions(config, { file, hostname: hostname() });
    const { dataDir, store, evidence } = options;
    const { masterKeyFrom } = await import('./master-key.ts');
    const master = await failing(() => masterKeyFrom(store.encryption));
    const { bytes } = store;
    return { dataDir, bytes, anchors: evidence.anchors, master, isHeld: await isHeld(dataDir), options };
  };
  const stopped = async (given: string | undefined) => {
    const folder = await folderOf(given);
    if (folder.isHeld)
      throw new CommandFailure(exitCodes.tryAgain, `an engine runs on ${folder.dataDir}: stop it first`);
    return folder;
  };
  const rebuilt = (config: string | undefined): Promise<number> => parts.rebuildIndex(config, () => undefined);
  return {
    verify: async ({ config, ...how }, progress) => {
      const folder = await folderOf(config);
      return folder.isHeld ? null : verifyFolder(folder, how, progress);
    },
    backup: async ({ to, withKeys, ...where }, progress) => {
      const folder = await folderOf(where.config);
      const { dataDir, bytes, isHeld } = folder;
      refuseInCluster(folder, 'what there is to back up is its PostgreSQL, with all that is shared, and its bucket');
      if (bytes !== 'segments')
        throw new CommandFailure(exitCodes.failed, 'only `store.bytes: segments` can be backed up');
      const { backUp } = await import('./engine/backup.ts');
      const client = isHeld ? createClient(await parts.locate(where)) : null;
      const head = client === null ? null : (await client.get<{ readonly head: SignedHead }>('/v1/head')).head;
      const { unseal, hasKey } = await readingOf(folder);
      // The head of a running engine says where its records end; of a stopped one only the records themselves do.
      if (head === null && !hasKey)
        throw new CommandFailure(
          exitCodes.invalidConfig,
          'the archive is encrypted, and store.encryption names no key',
        );
      const at = new Date().toISOString();
      return failing(() => backUp({ dataDir, to, head, withKeys, unseal, at, progress }));
    },
    restore: async ({ config, from }, progress) => {
      const folder = await stopped(config);
      refuseInCluster(folder, 'restore its PostgreSQL; an empty data directory is filled from there by the next start');
      const { dataDir, master } = folder;
      const { restore } = await import('./engine/restore.ts');
      const { size } = await failing(() => restore({ from, dataDir, master, progress }));
      await rebuilt(config);
      return size;
    },
    repair: async ({ config, from, apply }, progress) => {
      const folder = await stopped(config);
      if (from !== undefined) refuseInCluster(folder, 'it has no segments to take from a backup');
      return repairFolder(folder, { from, apply, progress, rebuild: () => rebuilt(config) });
    },
    rekey: async ({ config, to }, progress) => rekeyFolder(await stopped(config), to, progress),
  };
}

interface Repair {
  readonly from: string | undefined;
  readonly apply: boolean;
  readonly progress: (bytes: number) => void;
  readonly rebuild: () => Promise<unknown>;
}

/** What would be done; with `apply` what was done, and what is damaged after it. */
async function repairFolder(
  folder: Folder & LogFolder,
  { from, apply, progress, rebuild }: Repair,
): Promise<readonly RepairStep[]> {
  const { dataDir, bytes } = folder;
  const { applyRepair, planRepair, stepsDone } = await import('./engine/repair.ts');
  const options = { dataDir, bytes, from, reading: await readingOf(folder), progress };
  const planNow = async (): Promise<RepairPlan> => {
    const plan = await failing(() => withRecords(folder, false, (records) => planRepair({ ...options, ...records })));
    const [unchecked] = plan.report.unchecked;
    if (unchecked !== undefined) throw new CommandFailure(exitCodes.tryAgain, unchecked.text);
    return plan;
  };
  const plan = await planNow();
  if (!apply) return plan.steps;
  await failing(() => applyRepair(options, plan, new Date().toISOString().replaceAll(':', '-')));
  if (plan.steps.every(({ kind }) => kind === 'leave')) return plan.steps;
  if (plan.steps.some(({ kind }) => kind === 'rebuild-index')) await rebuild();
  return stepsDone(plan, await planNow());
}

async function verifyFolder(
  folder: Folder & LogFolder & { readonly anchors: EngineOptions['evidence']['anchors'] },
  { quick, heads }: { readonly quick: boolean; readonly heads: readonly string[] },
  progress: (bytes: number) => void,
): Promise<VerifyReport> {
  const { dataDir, bytes, anchors } = folder;
  const reading = await readingOf(folder);
  const { verifyData } = await import('./engine/verification.ts');
  const { keptHeads } = await import('./engine/kept-heads.ts');
  const given = (await Promise.all(heads.map(headsIn))).flat();
  return failing(async () => {
    const kept = await keptHeads(dataDir, anchors);
    const asked = { dataDir, bytes, reading, upTo: null, quick, heads: given, kept, progress };
    return withRecords(folder, quick, (records) => verifyData({ ...asked, ...records }));
  });
}

/** The commit log is not in the data directory, and whoever asks for its files is told where else to look. */
function refuseInCluster({ options }: Pick<LogFolder, 'options'>, why: string): void {
  if (options.cluster !== null) throw new CommandFailure(exitCodes.failed, `the archive lies in a cluster: ${why}`);
}

/** What the log of a cluster is read from, as a verification takes it; nothing where the log lies in files. */
async function withRecords<T>(
  { bytes, options, master }: LogFolder & Pick<Folder, 'master'>,
  quick: boolean,
  work: (records: { readonly records?: AsyncIterable<Verified> }) => Promise<T>,
): Promise<T> {
  if (bytes !== 'database') return work({});
  const { openLogAtRest } = await import('./engine/cluster-backend.ts');
  const { ownRecords } = await import('./engine/own-records.ts');
  const { asyncScheduler } = await import('rxjs');
  await using log = await openLogAtRest(options, { master, clock: asyncScheduler });
  const upTo = log.head.seq;
  const from = quick ? Math.max(1, upTo - quickRecords + 1) : 1;
  return await work({ records: ownRecords({ evidence: log, log }, { from, upTo, place: bytes }) });
}

/** As the last segment of a log in files: the youngest records, as many as are read in some seconds. */
const quickRecords = 1_000;

/** A data directory, and where its log lies. */
interface LogFolder {
  readonly bytes: LogPlace;
  readonly options: Pick<EngineOptions, 'cluster'>;
}

/** A data directory, and the key that it is read with. */
interface Folder {
  readonly dataDir: string;
  readonly master: MasterKey | null;
}

async function readingOf({ dataDir, master }: Folder) {
  const { openReading } = await import('./store/encryption.ts');
  return failing(() => openReading(dataDir, master));
}

async function rekeyFolder(
  { dataDir, master, options }: Folder & Pick<LogFolder, 'options'>,
  to: string,
  progress: (files: number) => void,
): Promise<RekeyAnswer> {
  if (master === null)
    throw new CommandFailure(exitCodes.invalidConfig, 'store.encryption names no key: nothing is encrypted');
  const { readMasterKey } = await import('./master-key.ts');
  const { lockDataDir } = await import('./store/open-store.ts');
  const { rekey } = await import('./store/rekey.ts');
  return failing(async () => {
    const next = await readMasterKey({ file: to }, undefined);
    await using _lock = await lockDataDir({ dataDir });
    const keys = { from: master, to: next };
    let steps = 0;
    // First what all workers share: where that fails, nothing was done.
    if (options.cluster !== null) {
      const { rewrapAtRest } = await import('./engine/cluster-backend.ts');
      const { asyncScheduler } = await import('rxjs');
      if (!(await rewrapAtRest(options, keys, asyncScheduler)))
        throw new Error('the log in the database is not encrypted');
    }
    const files = await rekey(dataDir, keys, () => {
      steps += 1;
      progress(Math.ceil(steps / 2));
    });
    return { files, keyId: next.id };
  });
}

/** The heads of a file: what `daybook head` printed, or an anchor's lines. */
async function headsIn(path: string): Promise<readonly SignedHead[]> {
  const { readHeads } = await import('./evidence/anchor-file.ts');
  const { heads, unreadable } = await readHeads(path);
  if (heads.length === 0) throw new CommandFailure(exitCodes.usage, `${path} holds no signed head`);
  if (unreadable.length === 0) return heads;
  throw new CommandFailure(
    exitCodes.usage,
    `${path} holds no signed head in line ${unreadable.slice(0, 10).join(', ')}`,
  );
}

/** Failures that are no fault of the archive. */
const codesOf: Readonly<Record<string, ExitCode>> = {
  'key-unusable': exitCodes.invalidConfig,
  'no-place': exitCodes.tryAgain,
};

async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const exitCode = codesOf[code ?? ''] ?? exitCodes.failed;
    throw new CommandFailure(exitCode, messageOf(error), { cause: error });
  }
}
