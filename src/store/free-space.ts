import { statfsSync } from 'node:fs';

/**
 * Bytes that may still be taken in before free space of the data directory falls under the floor; negative below it.
 * One system call of some microseconds, so it is asked for each message (interface `store.minimumFree`).
 */
export function roomIn(directory: string, minimumFreeBytes: number, inFlightBytes: number): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize - minimumFreeBytes - inFlightBytes;
}
