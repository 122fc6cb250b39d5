import { openLogSeal } from '../../src/cluster/log-key.ts';
import { LogRows } from '../../src/cluster/log-rows.ts';
import { refuseWhileMoved } from '../../src/cluster/migrate-state.ts';
import { openSharedLog } from '../../src/cluster/open-shared-log.ts';
import { ServerClock } from '../../src/cluster/server-clock.ts';
import { createSharedDocuments } from '../../src/cluster/shared-documents.ts';
import { definitionTenure, openTenures, type Tenures } from '../../src/cluster/tenures.ts';
import { allDuties, type Duties } from '../../src/engine/duties.ts';
import { exclusive } from '../../src/exclusive.ts';
import type { MasterKey } from '../../src/master-key.ts';
import { assembleStore, type StoreParts } from '../../src/store/assemble-store.ts';
import type { OpenedCommitLog } from '../../src/store/commit-log.ts';
import type { MemoryPacks } from './memory-vault.ts';
import { type BackendParts, mark, type SimBackend, storeOptions } from './sim-backend.ts';
import { openSimIndex } from './sim-index.ts';
import type { SimLine } from './sim-line.ts';

/** One log for each run. */
const logName = 'simulated';

/** One worker of a cluster: the product's own parts, over a line to the database of the simulation. */
export async function openWorker(
  parts: BackendParts & {
    readonly line: SimLine;
    readonly worker: string;
    readonly packs: MemoryPacks | null;
    readonly master: MasterKey | null;
  },
): Promise<SimBackend> {
  const { line: postgres, worker, power, plant, packs, master } = parts;
  const passed = (): number => parts.clock.frame;
  const server = new ServerClock(parts.clock, passed);
  const following = await server.follow(postgres);
  const clock = plant === 'own-clock' ? parts.clock : server;
  const rows = await LogRows.open(postgres, logName, mark);
  const seal = await openLogSeal({ postgres, rows }, master);
  const tenures = await openTenures({ postgres, log: rows.id, worker, clock, passed, home: `home of ${worker}` });
  await refuseWhileMoved(postgres, rows.id);
  const tokenOf = (definitionId: string): string | null => {
    const token = tenures.tokenOf(definitionTenure(definitionId));
    postgres.pass('token');
    return token;
  };
  const openLog: StoreParts['openLog'] = async (options) => {
    const opened = await openSharedLog({
      ...options,
      postgres,
      rows,
      vault: packs?.open() ?? null,
      seal,
      worker,
      clock,
      tokenOf,
    });
    return plant === 'decide-unlocked' ? unlocked(opened) : opened;
  };
  const store = await assembleStore({
    ...storeOptions({ ...parts, clock }),
    index: await openSimIndex(parts.index, power, plant),
    openLog,
    documents: createSharedDocuments({ postgres, log: rows.id, seal, tokenOf }),
    isShared: true,
  });
  return {
    store,
    clock,
    duties: dutiesOf(tenures, worker),
    close: async () => {
      await tenures[Symbol.asyncDispose]();
      await following[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

const dutiesOf = (tenures: Tenures, worker: string): Duties => ({
  ...allDuties,
  worker,
  want: (names) => tenures.want(names),
  isMine: (name) => tenures.tokenOf(name) !== null,
  mine$: (name) => tenures.held$(name),
  beforeLeaving: (work) => tenures.beforeLeaving(work),
  doerOf: (name) => tenures.holderOf(name),
});

/** The planted fault: decisions are made one at a time here, whatever another worker decides. */
function unlocked(opened: OpenedCommitLog): OpenedCommitLog {
  const oneByOne = exclusive();
  const deciding: OpenedCommitLog['deciding'] = (work) => oneByOne(() => work(opened.append));
  return new Proxy(opened, {
    get: (target, name) => {
      if (name === 'deciding') return deciding;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
