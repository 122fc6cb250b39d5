import { execFile } from 'node:child_process';
import { mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Kinds of calls that the shim knows, in the order of its enum (shim.c). `create` is an `open` that makes the file. */
export const callKinds = [
  'write',
  'sync',
  'open',
  'create',
  'rename',
  'unlink',
  'truncate',
  'mkdir',
  'link',
  'chmod',
] as const;
export type CallKind = (typeof callKinds)[number];
export type FaultCode = 'EIO' | 'ENOSPC' | 'EMFILE' | 'EROFS';

/** What becomes of the calls of some kinds, from the `first` on that comes after arming. */
export interface Fault {
  readonly kinds: readonly CallKind[];
  /** An error, the death of the process before it or in the midst of a write, a success without the deed, or nothing. */
  readonly outcome: FaultCode | 'kill' | 'tear' | 'pretend' | 'count';
  readonly first: number;
  /** False: that call alone. */
  readonly forever: boolean;
}

/** A shim under one process, that lets its calls on one folder fail from outside and while it runs. */
export interface Shim extends AsyncDisposable {
  /** What the process has to be started with. */
  readonly environment: Readonly<Record<string, string>>;
  arm(fault: Fault): Promise<void>;
  disarm(): Promise<void>;
  /** Calls of the armed kinds since the arming, and how many of them met the fault. */
  met(): Promise<{ readonly seen: number; readonly struck: number }>;
  /** All calls on the folder since the shim was opened. */
  counts(): Promise<Readonly<Record<CallKind, number>>>;
}

const run = promisify(execFile);
const wordBytes = 4;
/** Where the fields of the control file begin, in words: kinds, then outcome to forever, then the counters. */
const place = { kinds: 0, seen: 4, all: 6 } as const;

/** Compiles the shim for the calls on `folder`, which may not exist yet. Needs `cc`. */
export async function openShim(folder: string): Promise<Shim> {
  const base = await mkdtemp(join(tmpdir(), 'daybook-shim-'));
  const [library, control] = [join(base, 'shim.so'), join(base, 'control')];
  await run('cc', ['-shared', '-fPIC', '-Wall', '-Werror', '-o', library, join(import.meta.dirname, 'shim.c'), '-ldl']);
  const handle = await open(control, 'w+');
  await handle.truncate((place.all + callKinds.length) * wordBytes);
  const write = async (at: number, words: readonly number[]): Promise<void> => {
    await handle.write(Buffer.from(Int32Array.from(words).buffer), 0, words.length * wordBytes, at * wordBytes);
  };
  const read = async (at: number, count: number): Promise<Int32Array> => {
    const { buffer } = await handle.read(Buffer.alloc(count * wordBytes), 0, count * wordBytes, at * wordBytes);
    return new Int32Array(buffer.buffer, buffer.byteOffset, count);
  };
  return {
    environment: { LD_PRELOAD: library, FAULT_CONTROL: control, FAULT_FOLDER: await realOf(folder) },
    arm: async ({ kinds, outcome, first, forever }) => {
      await write(place.kinds, [0, outcomes[outcome], first, Number(forever), 0, 0]);
      await write(place.kinds, [kinds.reduce((bits, kind) => bits | (1 << callKinds.indexOf(kind)), 0)]);
    },
    disarm: () => write(place.kinds, [0]),
    met: async () => {
      const [seen = 0, struck = 0] = await read(place.seen, 2);
      return { seen, struck };
    },
    counts: async () => {
      const counted = await read(place.all, callKinds.length);
      return Object.fromEntries(callKinds.map((kind, at) => [kind, counted[at] ?? 0])) as Record<CallKind, number>;
    },
    [Symbol.asyncDispose]: async () => {
      await handle.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** The numbers of shim.c. */
const outcomes = { count: 0, kill: -1, pretend: -2, tear: -3, ...constants.errno } as const;

/** The kernel names open files by their real path. The folder, and some above it, may not exist yet. */
const realOf = async (folder: string): Promise<string> =>
  realpath(folder).catch(async () => join(await realOf(dirname(folder)), basename(folder)));
