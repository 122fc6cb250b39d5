import { hostname } from 'node:os';
import { asyncScheduler } from 'rxjs';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { toEngineOptions } from '../../src/config/to-options.ts';
import { openStoreAtRest } from '../../src/engine/backend.ts';
import type { Store } from '../../src/store/open-store.ts';

/** The store of an engine that was ended, wherever its configuration has it. @throws EngineFailure as a start does */
export async function storeAtRest({ configFile }: Pick<Daybook, 'configFile'>): Promise<Store> {
  const loaded = await loadConfig(configFile, process.env);
  if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'));
  const options = toEngineOptions(loaded.config, { file: configFile, hostname: hostname() });
  const now = () => Date.now();
  return openStoreAtRest(options, { master: null, clock: asyncScheduler, now, journalTypeOf: () => 'eej' });
}
