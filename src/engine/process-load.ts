import { readdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What the process has of what it may have, at one look. */
export interface ProcessLoad {
  /** Of the 99th percentiles of the last seconds the middle one: one stall, of a collector or the machine, is none. */
  readonly loopDelayMs: number;
  /** The higher of two: heap in use of the heap's limit, and resident memory of the cgroup's, where it has one. */
  readonly memoryShare: number;
  /** Null where the system does not say. */
  readonly descriptors: { readonly open: number; readonly limit: number } | null;
}

/** How many looks back the event loop's delay is judged by. */
const looks = 5;
/** Of the event loop's monitor; a delay is the time beyond it. */
const resolutionMs = 20;

/** Looks at this process, once a second or so. */
export function processLoad(): (() => ProcessLoad) & Disposable {
  const monitor = monitorEventLoopDelay({ resolution: resolutionMs });
  monitor.enable();
  const delays: number[] = [];
  const limits = { descriptors: descriptorLimit(), memory: memoryLimit() };
  const look = (): ProcessLoad => {
    delays.push(monitor.percentile(99) / 1e6 - resolutionMs);
    monitor.reset();
    if (delays.length > looks) delays.shift();
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    return {
      loopDelayMs: delays.toSorted((a, b) => a - b)[Math.floor((delays.length - 1) / 2)] ?? 0,
      memoryShare: Math.max(used / most, limits.memory === null ? 0 : residentBytes() / limits.memory),
      descriptors: limits.descriptors === null ? null : { open: openDescriptors(), limit: limits.descriptors },
    };
  };
  return Object.assign(look, { [Symbol.dispose]: () => void monitor.disable() });
}

/** Of the cgroup. Node answers a number beyond all memory where there is none. */
function memoryLimit(): number | null {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : null;
}

/** Without pages of files that are mapped (those of LevelDB): the system takes them back when it needs room. */
function residentBytes(): number {
  const text = readOrNull('/proc/self/status');
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(text ?? '')?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

/** The soft limit; Node has raised it to the hard one at its start. */
function descriptorLimit(): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(readOrNull('/proc/self/limits') ?? '')?.[1];
  return soft === undefined ? null : Number(soft);
}

/** The one that reads the list is in it. */
const openDescriptors = (): number => readdirSync('/proc/self/fd').length - 1;

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
