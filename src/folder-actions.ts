import { hostname } from 'node:os';
import { createClient, type Endpoint } from './cli/client.ts';
import { CommandFailure, exitCodes } from './cli/exit-codes.ts';
import type { Actions, LocateOptions } from './cli/options.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import type { SignedHead } from './evidence/head.ts';

/** What these commands need of the others. */
export interface FolderParts {
  configuration(given: string | undefined): Promise<{ readonly file: string; readonly config: EngineConfig }>;
  locate(options: LocateOptions): Promise<Endpoint>;
  rebuildIndex(config: string | undefined, progress: (records: number) => void): Promise<number>;
}

/** The work of the commands that read or write a data directory themselves. The engine's modules are loaded only by those. */
export function folderActions(parts: FolderParts): Pick<Actions, 'verify' | 'backup' | 'restore' | 'repair'> {
  const folderOf = async (given: string | undefined) => {
    const { file, config } = await parts.configuration(given);
    const { toEngineOptions } = await import('./config/to-options.ts');
    const { isHeld } = await import('./store/lock.ts');
    const { dataDir, store, evidence } = toEngineOptions(config, { file, hostname: hostname() });
    return { dataDir, bytes: store.bytes, anchors: evidence.anchors, isHeld: await isHeld(dataDir) };
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
      const { dataDir, bytes, anchors, isHeld } = await folderOf(config);
      if (isHeld) return null;
      const { verifyData } = await import('./engine/verification.ts');
      const { keptHeads } = await import('./engine/kept-heads.ts');
      const given = (await Promise.all(heads.map(headsIn))).flat();
      return failing(async () => {
        const kept = await keptHeads(dataDir, anchors);
        return verifyData({ dataDir, bytes, upTo: null, quick, heads: given, kept, progress });
      });
    },
    backup: async ({ to, withKeys, ...where }, progress) => {
      const { dataDir, bytes, isHeld } = await folderOf(where.config);
      if (bytes !== 'segments')
        throw new CommandFailure(exitCodes.failed, 'only `store.bytes: segments` can be backed up');
      const { backUp } = await import('./engine/backup.ts');
      const client = isHeld ? createClient(await parts.locate(where)) : null;
      const head = client === null ? null : (await client.get<{ readonly head: SignedHead }>('/v1/head')).head;
      return failing(() => backUp({ dataDir, to, head, withKeys, at: new Date().toISOString(), progress }));
    },
    restore: async ({ config, from }, progress) => {
      const { dataDir } = await stopped(config);
      const { restore } = await import('./engine/restore.ts');
      const { size } = await failing(() => restore({ from, dataDir, progress }));
      await rebuilt(config);
      return size;
    },
    repair: async ({ config, from, apply }, progress) => {
      const { dataDir, bytes } = await stopped(config);
      const { applyRepair, planRepair } = await import('./engine/repair.ts');
      const options = { dataDir, bytes, from, progress };
      const plan = await failing(() => planRepair(options));
      if (!apply) return plan.steps;
      await failing(() => applyRepair(options, plan, new Date().toISOString().replaceAll(':', '-')));
      if (plan.steps.some(({ kind }) => kind === 'rebuild-index')) await rebuilt(config);
      return plan.steps;
    },
  };
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
    const text = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(exitCodes.failed, text, { cause: error });
  }
}
