import { statfsSync } from 'node:fs';

/** How long an answer of the system holds where there is plenty of room: no disk takes as much as `plentyBytes` in it. */
const holdsMs = 10;
const plentyBytes = 256 * 1024 * 1024;

/**
 * Tells how many more bytes may be taken in before free space of the directory falls under the floor; negative below it.
 * Asked for each message (interface `store.minimumFree`); the system is asked again after 10 ms, and each time where it
 * comes close.
 */
export function roomIn(
  directory: string,
  minimumFreeBytes: number,
  now: () => number,
): (inFlightBytes: number) => number {
  let askedAt = Number.NEGATIVE_INFINITY;
  let freeBytes = 0;
  return (inFlightBytes) => {
    const at = now();
    const room = (): number => freeBytes - minimumFreeBytes - inFlightBytes;
    const holds = at >= askedAt && at - askedAt < holdsMs && room() > plentyBytes;
    if (!holds) {
      const { bavail, bsize } = statfsSync(directory);
      freeBytes = bavail * bsize;
      askedAt = at;
    }
    return room();
  };
}
