/** Arithmetic of the size of a cluster: from measured figures to what each part has to bear. Pure; capacity.ts prints it. */

/** What was measured. Bytes are those of one message; CPU is that of one thread of the machine that was measured. */
export interface Measured {
  /** Of a worker, for a message that it takes: SMTP to archived. */
  readonly takenCpuMs: number;
  /** Of every worker, for a message that another one has taken: it folds its records. */
  readonly foldedCpuMs: number;
  /** On the disk of every worker. */
  readonly indexBytes: number;
  /** Rows and their indexes in the database, without bodies. */
  readonly rowBytes: number;
  /** Write-ahead log of the database. */
  readonly walBytes: number;
  /** Of one message, from its receipt to its entry. */
  readonly records: number;
  /** Rows a second of one writer that commits a hundred at a time and waits for a synchronous standby. */
  readonly rowsPerSecond: number;
}

/** What is assumed, and nobody measured here. */
export interface Assumed {
  readonly messageBytes: number;
  /** The busiest second by the mean of a day. */
  readonly peakFactor: number;
  /** What a part may be loaded with at the peak, of what it can. */
  readonly load: number;
  /** Threads of a worker that the path of a message has: the main one. */
  readonly threads: number;
  readonly keptDays: number;
  /** Copies on disk by bytes stored, in the object store: erasure coding 4+2. */
  readonly storedFactor: number;
  /** Disk of one database server, of one worker, bytes. */
  readonly databaseDisk: number;
  readonly workerDisk: number;
  /** Network of one machine, bytes a second. */
  readonly network: number;
  /** Workers of one log; each has 16 connections at most, and folds everything. */
  readonly mostWorkers: number;
}

export type Part = 'worker CPU' | 'writing the log' | 'database disk' | 'worker disk' | 'worker network';

export interface Layout {
  readonly perDay: number;
  readonly peakPerSecond: number;
  /** Logs, each with a database and workers of its own. */
  readonly cells: number;
  /** Of each cell; one more than the load needs, so that one may be lost. */
  readonly workers: number;
  readonly databaseBytes: number;
  readonly walBytesPerSecond: number;
  readonly indexBytes: number;
  readonly bodyBytes: number;
  /** How far each part of a cell is used at the peak, of what it may be; 1: full. */
  readonly used: Readonly<Record<Part, number>>;
  /** The part that is used most. */
  readonly first: Part;
}

const secondsPerDay = 86_400;
/** Nobody runs more; figures that ask for more are wrong. */
const mostCells = 100_000;

/** One engine by itself takes so many messages a second at its peak. */
export const onePeak = ({ takenCpuMs }: Measured, { load, threads }: Assumed): number =>
  (1_000 * threads * load) / takenCpuMs;

/** Of one of so many workers, ms a second: it takes its part and archives it, and folds what all the others take. */
function cpuMsOf(peak: number, workers: number, { takenCpuMs, foldedCpuMs }: Measured): number {
  const [own, others] = [peak / workers, peak * (1 - 1 / workers)];
  return own * takenCpuMs + others * foldedCpuMs;
}

/** The fewest workers of one log that bear this load. Infinity: no number of them does. */
export function workersFor(peakPerSecond: number, measured: Measured, assumed: Assumed): number {
  const budgetMs = 1_000 * assumed.threads * assumed.load;
  const numbers = Array.from({ length: assumed.mostWorkers }, (_, at) => at + 1);
  return numbers.find((workers) => cpuMsOf(peakPerSecond, workers, measured) <= budgetMs) ?? Number.POSITIVE_INFINITY;
}

/** How one cell with so many workers is used. */
export function usedBy(
  perDay: number,
  workers: number,
  { measured, assumed }: { readonly measured: Measured; readonly assumed: Assumed },
): Layout['used'] {
  const peak = peakOf(perDay, assumed);
  const kept = perDay * assumed.keptDays;
  // What comes in goes out to the object store, and the rows of all others come in.
  const bytesPerSecond = (peak / workers) * assumed.messageBytes * 2 + peak * measured.rowBytes;
  return {
    'worker CPU': cpuMsOf(peak, workers, measured) / (1_000 * assumed.threads * assumed.load),
    'writing the log': (peak * measured.records) / (measured.rowsPerSecond * assumed.load),
    'database disk': (kept * measured.rowBytes) / (assumed.databaseDisk * assumed.load),
    'worker disk': (kept * measured.indexBytes) / (assumed.workerDisk * assumed.load),
    'worker network': bytesPerSecond / (assumed.network * assumed.load),
  };
}

/** The smallest number of cells, and of workers in each, that bears so many messages a day. */
export function layoutFor(perDay: number, measured: Measured, assumed: Assumed): Layout {
  const known = { measured, assumed };
  for (let cells = 1; cells <= mostCells; cells += 1) {
    const own = perDay / cells;
    const needed = workersFor(peakOf(own, assumed), measured, assumed);
    // One more: what the lost one took is taken by the others.
    const workers = needed + 1;
    if (workers > assumed.mostWorkers) continue;
    const used = usedBy(own, needed, known);
    if (Math.max(...Object.values(used), usedBy(own, workers, known)['worker CPU']) > 1) continue;
    return {
      ...{ perDay, cells, workers, used, first: firstOf(used) },
      peakPerSecond: peakOf(perDay, assumed),
      databaseBytes: own * assumed.keptDays * measured.rowBytes,
      walBytesPerSecond: peakOf(own, assumed) * measured.walBytes,
      indexBytes: own * assumed.keptDays * measured.indexBytes,
      bodyBytes: perDay * assumed.keptDays * assumed.messageBytes * assumed.storedFactor,
    };
  }
  throw new RangeError(`${perDay} messages a day do not fit into ${mostCells} cells`);
}

/** What gives way first when so much more comes to the same layout. */
export function bottleneckAt(
  factor: number,
  { perDay, cells, workers }: Pick<Layout, 'perDay' | 'cells' | 'workers'>,
  known: { readonly measured: Measured; readonly assumed: Assumed },
): { readonly part: Part; readonly used: number } {
  const used = usedBy((perDay * factor) / cells, workers, known);
  const part = firstOf(used);
  return { part, used: used[part] };
}

const peakOf = (perDay: number, { peakFactor }: Assumed): number => (perDay / secondsPerDay) * peakFactor;

function firstOf(used: Layout['used']): Part {
  const [first] = (Object.entries(used) as [Part, number][]).toSorted(([, one], [, other]) => other - one);
  if (first === undefined) throw new RangeError('nothing is used');
  return first[0];
}
