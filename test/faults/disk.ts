import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);

/** A disk of its own: ext4 in a file, behind a loop device. Needs root. */
export interface Disk extends AsyncDisposable {
  /** Where it is mounted, through all cuts. */
  readonly folder: string;
  /** Keeps what is on the disk now, and nothing of what is only in memory: the instant of the power cut. */
  cut(): Promise<void>;
  /** Mounts what was kept, as a machine does that is switched on again: the journal is replayed. */
  switchOn(): Promise<void>;
}

/** Longest time between two commits of the journal, seconds: nothing becomes durable but what is asked for. */
const commitSeconds = 300;
/** Bytes of the disk; the file behind it is sparse. */
const diskSize = '600M';

export async function openDisk(): Promise<Disk> {
  const base = await mkdtemp(join(tmpdir(), 'daybook-disk-'));
  const [image, kept, folder] = [join(base, 'disk'), join(base, 'kept'), join(base, 'mounted')];
  await mkdir(folder);
  await run('truncate', ['-s', diskSize, image]);
  await run('mkfs.ext4', ['-q', '-F', image]);
  const mount = (): Promise<unknown> => run('mount', ['-o', `loop,commit=${commitSeconds}`, image, folder]);
  await mount();
  return {
    folder,
    cut: async () => void (await run('cp', ['--sparse=always', image, kept])),
    switchOn: async () => {
      await run('umount', [folder]);
      await rename(kept, image);
      await mount();
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', [folder]);
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Stops a process where it stands, and resolves when none of its threads is in the kernel any more. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const isStill = async (): Promise<boolean> => {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(
      threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
    );
    return stats.every((text) => text === '' || text.slice(text.lastIndexOf(')') + 2).startsWith('T'));
  };
  await eventually(isStill, { what: 'a process that stands still' });
}

/** Whether this machine can make such a disk at all. */
export const hasLoopDevices = (): Promise<boolean> =>
  access('/dev/loop-control', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
