import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
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
  /**
   * Mounts what was kept, as a machine does that is switched on again: the journal is replayed and the file system checked.
   * @throws Error when it is damaged in a way that no machine would mend by itself
   */
  switchOn(): Promise<void>;
}

/** Longest time between two commits of the journal, seconds: nothing becomes durable but what is asked for. */
const commitSeconds = 300;

/** `size` in the words of truncate(1); the file behind it is sparse. */
export async function openDisk({ size = '600M' }: { readonly size?: string } = {}): Promise<Disk> {
  const base = await mkdtemp(join(tmpdir(), 'daybook-disk-'));
  // A server that is not root's may have its data on it.
  await chmod(base, 0o711);
  const [image, kept, folder] = [join(base, 'disk'), join(base, 'kept'), join(base, 'mounted')];
  await mkdir(folder);
  await run('truncate', ['-s', size, image]);
  await run('mkfs.ext4', ['-q', '-F', image]);
  const mount = (): Promise<unknown> => run('mount', ['-o', `loop,commit=${commitSeconds}`, image, folder]);
  await mount();
  return {
    folder,
    cut: async () => void (await run('cp', ['--sparse=always', image, kept])),
    switchOn: async () => {
      await run('umount', [folder]);
      await rename(kept, image);
      await check(image);
      await mount();
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', [folder]);
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** e2fsck(8) mends what is safe to mend, and says so with 1. */
async function check(image: string): Promise<void> {
  await run('e2fsck', ['-f', '-p', image]).catch((error: { readonly code?: number }) => {
    if (error.code !== 1) throw error;
  });
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
