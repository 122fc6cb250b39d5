import { type CrashReport, crashes } from './crashes.ts';
import { type Disk, freeze, openDisk } from './disk.ts';
import type { StoreUnderTest } from './load.ts';
import type { Findings } from './outside.ts';
import { openShim } from './shim.ts';

export interface PowerOptions {
  readonly cuts: number;
  readonly bytes: StoreUnderTest;
  readonly seed: number;
  /** The engine is told that its data is on disk, and it is not: then there must be losses, or the cuts prove nothing. */
  readonly isUnsynced?: boolean;
  readonly told?: (cut: number, findings: Findings) => void;
}

/**
 * Cuts the power again and again under mixed load (reliability G2): the disk is what its file holds in that instant, the
 * pages in memory are gone, and the file system replays its journal. Every other cut comes right after a kill -9, before
 * the system has written anything back, instead of in the midst of the engine's work.
 */
export async function powerCuts({ cuts, isUnsynced = false, ...options }: PowerOptions): Promise<CrashReport> {
  await using disk: Disk = await openDisk();
  await using shim = await openShim(disk.folder);
  if (isUnsynced) await shim.arm({ kinds: ['sync'], outcome: 'pretend', first: 1, forever: true });
  return await crashes({
    ...options,
    cycles: cuts,
    directory: disk.folder,
    environment: isUnsynced ? shim.environment : {},
    crash: async (daybook, cut) => {
      if (cut % 2 === 0) await freeze(daybook.pid);
      else await daybook.end('SIGKILL');
      await disk.cut();
      await daybook.end('SIGKILL');
      await disk.switchOn();
    },
  });
}
