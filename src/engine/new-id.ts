import type { SchedulerLike } from 'rxjs';
import { monotonicFactory } from 'ulid';
import type { NewId } from '../../streams/ports.ts';

/** Ids that sort by time of making, also within a millisecond (ULID). */
export function createNewId(clock: SchedulerLike): NewId {
  const ulid = monotonicFactory(randomShare());
  return () => ulid(clock.now());
}

/** Numbers in [0, 1) from the system's generator, drawn in bulk: one call for each digit of an id is felt. */
function randomShare(): () => number {
  const pool = new Uint32Array(1_024);
  let next = pool.length;
  return () => {
    if (next >= pool.length) {
      crypto.getRandomValues(pool);
      next = 0;
    }
    const drawn = pool[next] ?? 0;
    next += 1;
    return drawn / 2 ** 32;
  };
}
