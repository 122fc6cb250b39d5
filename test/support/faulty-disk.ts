import { execFile } from 'node:child_process';
import { access, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A call that the disk of one process can fail; `sync` and `write` stand for all that do it. */
export type DiskCall = 'sync' | 'write' | 'open' | 'rename' | 'unlink' | 'truncate';
export const diskCalls: readonly DiskCall[] = ['sync', 'write', 'open', 'rename', 'unlink', 'truncate'];
/** As the system numbers them; `SIGKILL` ends the process instead of the call. */
export const errors = { EIO: 5, ENOSPC: 28, EMFILE: 24, EROFS: 30, none: 0 } as const;

export interface DiskFault {
  readonly call: DiskCall;
  /** `none`: it is said to have been done, and was not. */
  readonly error: keyof typeof errors;
  /** The number of the first such call that fails, counted from the start of the process; 1 where absent. */
  readonly from?: number;
  /** How many fail; for ever where absent. */
  readonly count?: number;
}

/** A folder whose disk fails on demand, for processes that are started with `env`. */
export interface FaultyDisk extends AsyncDisposable {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  fail(...faults: readonly DiskFault[]): Promise<void>;
  heal(): Promise<void>;
  /** A call has failed. */
  met(): Promise<boolean>;
}

/** Needs a C compiler. */
export async function openFaultyDisk(): Promise<FaultyDisk> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'daybook-faulty-')));
  const tools = await mkdtemp(join(tmpdir(), 'daybook-faults-'));
  const library = join(tools, 'faulty-disk.so');
  const source = join(import.meta.dirname, 'faulty-disk.c');
  await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread']);
  const control = join(tools, 'faults');
  return {
    directory,
    env: { LD_PRELOAD: library, DAYBOOK_FAULTY_DIR: directory, DAYBOOK_FAULTS: control },
    fail: (...faults) =>
      writeFile(
        control,
        faults.map(({ call, error, from = 1, count = -1 }) => `${call} ${errors[error]} ${from} ${count}\n`).join(''),
      ),
    heal: () => rm(control, { force: true }),
    met: () =>
      access(`${control}.met`).then(
        () => true,
        () => false,
      ),
    [Symbol.asyncDispose]: async () => {
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      await rm(tools, { recursive: true, force: true });
    },
  };
}
