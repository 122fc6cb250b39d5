import { readdirSync, readFileSync } from 'node:fs';

/** What Linux accounts to a process and its children, dead ones included. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly writtenBytes: number;
}

/** Ticks per second of /proc/<pid>/stat on every Linux that Node runs on. */
const ticks = 100;
const pageBytes = 4_096;

export function figuresOf(root: number): ProcessFigures {
  const tree = treeOf(root);
  return {
    cpuSeconds: tree.reduce((sum, pid) => sum + (statOf(pid)?.cpu ?? 0), 0),
    residentBytes: tree.reduce((sum, pid) => sum + (statOf(pid)?.resident ?? 0), 0),
    writtenBytes: tree.reduce((sum, pid) => sum + writtenBy(pid), 0),
  };
}

/** What the first thread of a process has taken: of Node, the one that runs JavaScript. */
export const mainThreadCpuSeconds = (pid: number): number => ownCpuOf(`/proc/${pid}/task/${pid}/stat`);

/** Of all cores together, and of whoever ran on them; what another guest of the host took counts, since it was not to be had. */
export function machineCpuSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softIrq + stolen) / ticks;
}

function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) parents.set(Number(name), stat.parent);
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** From the state on, as proc(5) numbers them from 3: the name before it may hold spaces and brackets. */
function fieldsOf(file: string): readonly number[] {
  const text = readFileSync(file, 'utf8');
  return text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

function ownCpuOf(file: string): number {
  const [user = 0, system = 0] = fieldsOf(file).slice(11, 13);
  return (user + system) / ticks;
}

function statOf(pid: number) {
  try {
    const fields = fieldsOf(`/proc/${pid}/stat`);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return {
      parent: fields[1] ?? 0,
      cpu: (user + system + childUser + childSystem) / ticks,
      resident: (fields[21] ?? 0) * pageBytes,
    };
  } catch {
    return undefined;
  }
}

function writtenBy(pid: number): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
