import { hostname } from 'node:os';
import { messageOf } from '../streams/failure.ts';
import { CommandFailure, type ExitCode, exitCodes } from './cli/exit-codes.ts';
import type { Actions } from './cli/options.ts';
import type { FolderParts } from './folder-actions.ts';
import type { StoreOptions } from './store/open-store.ts';

export interface RebuildParts extends Pick<FolderParts, 'configuration'> {
  readonly exitCodeOf: (error: unknown) => ExitCode;
}

/** The work of `rebuild-index`, on the data directory of an engine that is stopped. */
export function rebuildActions(parts: RebuildParts): Pick<Actions, 'rebuildIndex' | 'rebuildText'> {
  return {
    rebuildIndex: async (given, progress) => {
      let records = 0;
      const folded = (done: number): void => {
        records = done;
        progress(done);
      };
      await withStore(parts, given, { rebuild: { folded } }, async () => undefined);
      return records;
    },
    rebuildText: (given, progress) =>
      withStore(parts, given, {}, async ({ store, options, master }) => {
        const { dataDir, search, logLevel } = options;
        if (!search.text) {
          throw new CommandFailure(
            exitCodes.failed,
            '`search.text` is off: with it on, the index is made by itself too',
          );
        }
        const { openLog } = await import('./log.ts');
        const { rebuildText } = await import('./engine/rebuild-text.ts');
        return rebuildText({ dataDir, store, master, log: await openLog(logLevel), progress });
      }),
  };
}

type Opened = Awaited<ReturnType<typeof openStoreOf>>;

async function withStore<T>(
  { configuration, exitCodeOf }: RebuildParts,
  given: string | undefined,
  how: Pick<StoreOptions, 'rebuild'>,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const found = await configuration(given);
  try {
    const opened = await openStoreOf(found, how);
    await using _store = opened.store;
    return await work(opened);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(exitCodeOf(error), messageOf(error), { cause: error });
  }
}

/** The archive of a data directory, opened as the engine would. @throws EngineFailure as `openStore` */
export async function openStoreOf(
  { file, config }: Awaited<ReturnType<FolderParts['configuration']>>,
  how: Pick<StoreOptions, 'rebuild' | 'evenIfMoved'>,
) {
  const { toEngineOptions } = await import('./config/to-options.ts');
  const { openStoreAtRest } = await import('./engine/backend.ts');
  const { asyncScheduler } = await import('rxjs');
  const { masterKeyFrom } = await import('./master-key.ts');
  const options = toEngineOptions(config, { file, hostname: hostname() });
  const types = new Map(config.definitions.map(({ id, journalType }) => [id, journalType]));
  const master = await masterKeyFrom(options.store.encryption);
  const store = await openStoreAtRest(options, {
    master,
    clock: asyncScheduler,
    now: () => Date.now(),
    journalTypeOf: ({ definitionId }) => types.get(definitionId ?? '') ?? null,
    ...how,
  });
  return { options, master, store };
}
