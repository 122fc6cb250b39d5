import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartOf } from './chart.ts';
import type { LoadResult } from './load.ts';
import { figuresOf } from './process-figures.ts';

/** One thing that is measured: a server process that can be loaded, round after round. */
export interface Peer {
  readonly name: string;
  /** Starts it, loads it once, ends it. `measure` runs the load between two looks at the process. */
  round(measure: Measure): Promise<Round>;
}
export type Measure = (pid: number, load: () => Promise<Round['load']>) => Promise<Round>;
export interface Round {
  readonly load: LoadResult;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly writtenBytes: number;
  /** Figures that only one peer has. */
  readonly extra?: Readonly<Record<string, number>>;
}
export interface Figure {
  readonly bench: string;
  readonly peer: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** Looks at the process before and after, and at its memory meanwhile. */
export const measure: Measure = async (pid, load) => {
  const before = figuresOf(pid);
  let residentBytes = before.residentBytes;
  const sampling = setInterval(() => {
    residentBytes = Math.max(residentBytes, figuresOf(pid).residentBytes);
  }, 100);
  const done = await load();
  clearInterval(sampling);
  const after = figuresOf(pid);
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return { load: done, cpuSeconds, residentBytes, writtenBytes: after.writtenBytes - before.writtenBytes };
};

/** One warm-up of each peer, then `rounds` rounds in which every peer has its turn, the order turning too. */
export async function interleave(
  peers: readonly Peer[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const taken = new Map<string, Round[]>(peers.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (let turn = 0; turn < peers.length; turn += 1) {
      const peer = peers[(turn + round + peers.length) % peers.length];
      if (peer === undefined) continue;
      const result = await peer.round(measure);
      if (round >= 0) taken.get(peer.name)?.push(result);
    }
  }
  return taken;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

export function figure(of: { bench: string; peer: string; unit: string }, values: readonly number[]): Figure {
  return { ...of, median: median(values), min: Math.min(...values), max: Math.max(...values), rounds: values.length };
}

/** Prints the figures as a table, and writes them as JSON lines and as a chart to bench/results/NAME.jsonl and .svg. */
export async function report(name: string, figures: readonly Figure[]): Promise<void> {
  const folder = join(process.cwd(), 'bench/results');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.jsonl`), figures.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await writeFile(join(folder, `${name}.svg`), chartOf(name, figures));
  for (const { bench, peer, unit, ...rest } of figures) {
    const spread = `[${rest.min.toPrecision(3)}–${rest.max.toPrecision(3)}]`;
    console.log(
      `${bench.padEnd(20)} ${peer.padEnd(22)} ${unit.padEnd(24)} ${rest.median.toPrecision(4).padStart(9)} ${spread}`,
    );
  }
}
