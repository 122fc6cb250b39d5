import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';

/**
 * A process and all that descend from it, parents first, as /proc of Linux tells; empty when it has ended. One that was
 * born while the list was made is missing: stop the parent first where that matters.
 */
export function treeOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  const known = new Set<number>();
  for (const name of readdirSync('/proc')) {
    const state = /^\d+$/.test(name) ? stateOf(Number(name)) : undefined;
    if (state === undefined || state.letter === 'Z') continue;
    known.add(Number(name));
    children.set(state.parent, [...(children.get(state.parent) ?? []), Number(name)]);
  }
  const descend = (of: number): readonly number[] => [of, ...(children.get(of) ?? []).flatMap(descend)];
  return known.has(pid) ? descend(pid) : [];
}

/** Ends a process and all its descendants with SIGKILL, and resolves when none of them runs. */
export async function killTree(pid: number): Promise<void> {
  // Stopped, it has no more children while they are counted.
  signal(pid, 'SIGSTOP');
  const all = treeOf(pid);
  for (const one of all) signal(one, 'SIGKILL');
  await eventually(async () => all.every((one) => hasEnded(one)), { what: `the end of the processes under ${pid}` });
}

/** Stops a process and all its descendants where they stand, and resolves when none of them moves any more. */
export async function pauseTree(pid: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  const isStill = (one: number): boolean => hasEnded(one) || stateOf(one)?.letter === 'T';
  await eventually(async () => isStill(pid), { what: `process ${pid} standing still` });
  const all = treeOf(pid);
  for (const one of all) signal(one, 'SIGSTOP');
  await eventually(async () => all.every(isStill), { what: `the processes under ${pid} standing still` });
}

/** Undoes `pauseTree`. */
export function resumeTree(pid: number): void {
  for (const one of treeOf(pid).toReversed()) signal(one, 'SIGCONT');
}

/** True when it is gone, or only its exit code is left for its parent to fetch. */
export function hasEnded(pid: number): boolean {
  const letter = stateOf(pid)?.letter;
  return letter === undefined || letter === 'Z';
}

/** Sends a signal; that the process has ended meanwhile is no failure. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Letter of the state and parent's pid of proc(5); the name before them may hold spaces and brackets. */
function stateOf(pid: number): { readonly letter: string; readonly parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [letter = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { letter, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
