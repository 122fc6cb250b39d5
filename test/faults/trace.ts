import type { CallKind } from './shim.ts';

/** System calls that change what a folder holds, and the kind by which the shim knows them. Those of null it must not miss. */
const kindsOfCalls: Readonly<Record<string, CallKind | null>> = {
  write: 'write',
  pwrite64: 'write',
  writev: 'write',
  pwritev: 'write',
  pwritev2: 'write',
  fsync: 'sync',
  fdatasync: 'sync',
  open: 'create',
  openat: 'create',
  rename: 'rename',
  renameat: 'rename',
  renameat2: 'rename',
  unlink: 'unlink',
  unlinkat: 'unlink',
  rmdir: 'unlink',
  ftruncate: 'truncate',
  mkdir: 'mkdir',
  mkdirat: 'mkdir',
  link: 'link',
  linkat: 'link',
  chmod: 'chmod',
  fchmod: 'chmod',
  truncate: null,
  creat: null,
  openat2: null,
  symlink: null,
  symlinkat: null,
  fchmodat: null,
  fallocate: null,
  copy_file_range: null,
  sendfile: null,
  splice: null,
  msync: null,
  sync_file_range: null,
  io_uring_setup: null,
};

/** How libuv asks for the ring that it does file work on; another one is for what it polls. */
const fileRing = 'IORING_SETUP_SQPOLL';

/** Traces a whole life of a process, which stays the one that was started. */
export const tracedInto = (file: string): readonly string[] => {
  const calls = Object.keys(kindsOfCalls).join(',');
  return ['strace', '-D', '-f', '-y', '-s', '0', '-o', file, '-e', `trace=${calls}`];
};

/** Counts, by kind, what a trace says was done to `folder`; calls that the shim does not know are counted by their name. */
export function callsIn(trace: string, folder: string): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  for (const line of trace.split('\n')) {
    const name = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (name === undefined || !(line.includes(`${folder}/`) || line.includes(fileRing))) continue;
    const kind = kindsOfCalls[name] ?? name;
    if (kind === 'create' && !line.includes('O_CREAT')) continue;
    counted.set(kind, (counted.get(kind) ?? 0) + 1);
  }
  return counted;
}
