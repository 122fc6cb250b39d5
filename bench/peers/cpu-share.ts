import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A part of a core that processes may use and no more, kept by the kernel's scheduler (control groups, version 1 or 2).
 * What has used up its part of a period stands still until the next one. A period is short, so that who holds a lock when
 * its part is used up does not keep it for long. While it is limited it weighs ten times what another process does, so that
 * it gets this part on a machine that is busy with something else.
 */
export interface CpuShare extends AsyncDisposable {
  /** Takes a process in with all its threads, and what it starts from then on. */
  add(pid: number): Promise<void>;
  /** Cores; null: as many as there are. */
  allow(cores: number | null): Promise<void>;
}

const periodUs = 10_000;
const root = '/sys/fs/cgroup';
/** Version 1 has a tree for each controller. */
const first = join(root, 'cpu');

/** Needs root. @throws Error where no tree of control groups may be written to */
export async function openCpuShare(name: string): Promise<CpuShare> {
  const isFirst = existsSync(join(first, 'cpu.cfs_quota_us'));
  if (!isFirst) await allowBelow();
  const folder = join(isFirst ? first : root, name);
  await mkdir(folder);
  const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
  return {
    add: (pid) => write('cgroup.procs', String(pid)),
    allow: async (cores) => {
      const quota = cores === null ? null : Math.round(cores * periodUs);
      const weight = quota === null ? 1 : 10;
      if (isFirst) {
        await write('cpu.shares', String(1_024 * weight));
        await write('cpu.cfs_period_us', String(periodUs));
        await write('cpu.cfs_quota_us', String(quota ?? -1));
      } else {
        await write('cpu.weight', String(100 * weight));
        await write('cpu.max', `${quota ?? 'max'} ${periodUs}`);
      }
    },
    [Symbol.asyncDispose]: () => rmdir(folder),
  };
}

/** In version 2 a folder has the files of a controller only where the one above hands it down. */
async function allowBelow(): Promise<void> {
  const controllers = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => '');
  if (!/\bcpu\b/.test(controllers)) throw new Error(`no control groups for CPU at ${root}`);
  await writeFile(join(root, 'cgroup.subtree_control'), '+cpu');
}
