import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { eventually } from './eventually.ts';

/**
 * Pids of all that work in a folder or below it, as /proc of Linux tells: a server with a folder of its own is found with
 * all it has started, whoever is their parent now, and though the folder was removed meanwhile. The path is the real one,
 * without links. Processes of other users are seen by root alone.
 */
export function processesIn(folder: string): readonly number[] {
  const isInside = (pid: number): boolean => `${folderOf(pid)}${sep}`.startsWith(folder + sep);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isInside(pid) && !hasEnded(pid));
}

/** Ends all processes in these folders with SIGKILL, as near to one instant as it can be; resolves when none runs. */
export async function killIn(...folders: readonly string[]): Promise<void> {
  // Stopped before the first one is killed: none gets to see that another is gone.
  const known = new Set(stopIn(folders));
  for (const pid of known) signal(pid, 'SIGKILL');
  const isOver = async (): Promise<boolean> => {
    const running = folders.flatMap(processesIn);
    for (const pid of running) {
      known.add(pid);
      signal(pid, 'SIGKILL');
    }
    // One that is ending has no folder any more before it has ended.
    return running.length === 0 && [...known].every(hasEnded);
  };
  await eventually(isOver, { what: `the end of what runs in ${folders.join(', ')}` });
}

/** Stops all processes in a folder where they stand; resolves when none of them moves any more. */
export async function pauseIn(folder: string): Promise<void> {
  const isStill = async (): Promise<boolean> => stopIn([folder]).every((pid) => hasEnded(pid) || stateOf(pid) === 'T');
  await eventually(isStill, { what: `${folder} standing still` });
}

/** Undoes `pauseIn`. */
export function resumeIn(folder: string): void {
  for (const pid of processesIn(folder)) signal(pid, 'SIGCONT');
}

/** True when it is gone, or only its exit code is left for its parent to fetch. */
export function hasEnded(pid: number): boolean {
  const state = stateOf(pid);
  return state === undefined || state === 'Z' || state === 'X';
}

/** Looks again until a look finds nobody new: one may have been born during the look before. */
function stopIn(folders: readonly string[]): readonly number[] {
  const stopped = new Set<number>();
  for (;;) {
    const fresh = folders.flatMap(processesIn).filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) return [...stopped];
    for (const pid of fresh) {
      signal(pid, 'SIGSTOP');
      stopped.add(pid);
    }
  }
}

/** Sends a signal; that the process has ended meanwhile is no failure. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Letter of the state of proc(5); the name before it may hold spaces and brackets. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return undefined;
  }
}

/** Working folder of a process; empty when it has ended, or is none of ours. */
function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
