import { hostname } from 'node:os';
import { messageOf } from '../streams/failure.ts';
import { createClient, type Endpoint } from './cli/client.ts';
import { CommandFailure, exitCodes } from './cli/exit-codes.ts';
import type { Actions, LocateOptions, RekeyAnswer } from './cli/options.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import type { SignedHead } from './evidence/head.ts';
import type { MasterKey } from './master-key.ts';

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
    const { dataDir, store, evidence } = toEngineOptions(config, { file, hostname: hostname() });
    const { masterKeyFrom } = await import('./master-key.ts');
    const master = await failing(() => masterKeyFrom(store.encryption));
    return { dataDir, bytes: store.bytes, anchors: evidence.anchors, master, isHeld: await isHeld(dataDir) };
  };
  const stopped = async (given: string | undefined) => {
    const folder = await folderOf(given);
    if (folder.isHeld)
      throw new CommandFailure(exitCodes.tryAgain, `an engine runs on ${folder.dataDir}: stop it first`);
    return folder;
  };
  const rebuilt = (config: string | undefined): Promise<number> => parts.rebuildIndex(config, () => undefined);
  return {
    verify: async ({ config, quick, heads }, progress) => {
      const folder = await folderOf(config);
      const { dataDir, bytes, anchors } = folder;
      if (folder.isHeld) return null;
      const reading = await readingOf(folder);
      const { verifyData } = await import('./engine/verification.ts');
      const { keptHeads } = await import('./engine/kept-heads.ts');
      const given = (await Promise.all(heads.map(headsIn))).flat();
      return failing(async () => {
        const kept = await keptHeads(dataDir, anchors);
        return verifyData({ dataDir, bytes, reading, upTo: null, quick, heads: given, kept, progress });
      });
    },
    backup: async ({ to, withKeys, ...where }, progress) => {
      const folder = await folderOf(where.config);
      const { dataDir, bytes, isHeld } = folder;
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
      const { dataDir, master } = await stopped(config);
      const { restore } = await import('./engine/restore.ts');
      const { size } = await failing(() => restore({ from, dataDir, master, progress }));
      await rebuilt(config);
      return size;
    },
    repair: async ({ config, from, apply }, progress) => {
      const folder = await stopped(config);
      const { dataDir, bytes } = folder;
      const { applyRepair, planRepair } = await import('./engine/repair.ts');
      const options = { dataDir, bytes, from, reading: await readingOf(folder), progress };
      const plan = await failing(() => planRepair(options));
      if (!apply) return plan.steps;
      await failing(() => applyRepair(options, plan, new Date().toISOString().replaceAll(':', '-')));
      if (plan.steps.some(({ kind }) => kind === 'rebuild-index')) await rebuilt(config);
      return plan.steps;
    },
    rekey: async ({ config, to }, progress) => rekeyFolder(await stopped(config), to, progress),
  };
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
  { dataDir, master }: Folder,
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
    let steps = 0;
    const files = await rekey(dataDir, { from: master, to: next }, () => {
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

async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = messageOf(error);
    const isKey = (error as { code?: string }).code === 'key-unusable';
    throw new CommandFailure(isKey ? exitCodes.invalidConfig : exitCodes.failed, text, { cause: error });
  }
}
