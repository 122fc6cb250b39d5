import type { Assumed, Measured } from './capacity-model.ts';

/** Where the model's figures come from: the last benches, or what was recorded of earlier ones. */

interface Default {
  readonly what: string;
  readonly value: number;
  readonly source: string;
  /** Its line in the JSON of a bench: bench, peer and unit, as far as they tell. */
  readonly line?: Partial<Record<'bench' | 'peer' | 'unit', string>>;
}
const fold = (unit: string) => ({ bench: 'cluster-fold', unit });
const recorded = 'bench/README.md, 2026-12-01, 2 cores';

export const defaults: Readonly<Record<keyof Measured, Default>> = {
  takenCpuMs: {
    what: 'CPU of a worker for a message that it takes, ms',
    value: 0.61,
    source: `${recorded}, 75 KB × 50`,
    line: { bench: '76800x50', peer: 'daybook', unit: 'CPU ms/message' },
  },
  foldedCpuMs: {
    what: 'CPU of each other worker for it, ms',
    value: 0.26,
    source: recorded,
    line: fold('folded CPU ms/message'),
  },
  indexBytes: {
    what: 'index of each worker, bytes a message',
    value: 3_300,
    source: recorded,
    line: fold('index bytes/message'),
  },
  rowBytes: {
    what: 'database, bytes a message without its body',
    value: 2_015,
    source: recorded,
    line: fold('rows bytes/message'),
  },
  walBytes: {
    what: 'write-ahead log, bytes a message without its body',
    value: 2_470,
    source: recorded,
    line: fold('WAL bytes/message'),
  },
  records: { what: 'records of a message', value: 2, source: recorded, line: fold('records/message') },
  rowsPerSecond: {
    what: 'rows/s of one writer, 100 a commit, 1 synchronous standby',
    value: 36_500,
    source: 'PostgreSQL 15 under Patroni, three nodes on 2 cores and one disk; one run of 4 s',
  },
};

export const assumptions: {
  readonly values: Assumed;
  readonly what: Readonly<Record<keyof Assumed, string>>;
} = {
  values: {
    messageBytes: 76_800,
    peakFactor: 3,
    load: 0.6,
    threads: 1,
    keptDays: 365,
    storedFactor: 1.5,
    databaseDisk: 16e12,
    workerDisk: 16e12,
    network: 1.25e9,
    mostWorkers: 6,
  },
  what: {
    messageBytes: 'bytes of a message, stored as they are',
    peakFactor: 'the busiest second by the mean of a day',
    load: 'share of what a part can that it may be asked for',
    threads: 'threads of a worker on the way of a message',
    keptDays: 'days that mail is kept',
    storedFactor: 'bytes on disk by bytes stored, object store',
    databaseDisk: 'disk of one database server, bytes',
    workerDisk: 'disk of one worker, bytes',
    network: 'network of one machine, bytes/s',
    mostWorkers: 'workers of one log, at most',
  },
};

interface Line {
  readonly bench: string;
  readonly peer: string;
  readonly unit: string;
  readonly median: number;
}

/** Lines of a bench as harness.ts writes them. @throws SyntaxError where one is no JSON */
export const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Line);

/** Each figure from the last bench that has it, or as it was recorded. @throws RangeError where one is no number above 0 */
export function figuresFrom(lines: readonly Line[]): {
  readonly measured: Measured;
  readonly sources: Readonly<Record<keyof Measured, string>>;
} {
  const taken = (Object.entries(defaults) as [keyof Measured, Default][]).map(([name, { value, source, line }]) => {
    const found = line === undefined ? undefined : lines.findLast((each) => isLike(each, line));
    if (found === undefined) return [name, value, source] as const;
    if (!(found.median > 0)) throw new RangeError(`${found.bench} has no ${found.unit}: ${found.median}`);
    return [name, found.median, `measured: ${found.bench}`] as const;
  });
  return {
    measured: Object.fromEntries(taken.map(([name, value]) => [name, value])) as unknown as Measured,
    sources: Object.fromEntries(taken.map(([name, , source]) => [name, source])) as Record<keyof Measured, string>,
  };
}

const isLike = (line: Line, wanted: NonNullable<Default['line']>): boolean =>
  Object.entries(wanted).every(([key, value]) => line[key as keyof typeof wanted] === value);
