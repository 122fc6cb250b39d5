import type { ChunksDone } from '../../streams/ports.ts';

/** Who has not been asked for by then waits for something, and for how long nobody knows. */
const freshMs = 2_000;

/**
 * Bytes of messages just taken in, by their SHA-256, so that their parsing does not read them back from disk. Bounded by
 * bytes. They are asked for in the order in which they came, so where there is no room those that came first stay, and
 * those alone give way that have lain for a while: were the oldest to go, each would be gone when its turn comes. They never
 * left memory, so they need no second hash.
 */
export interface RecentBytes {
  /**
   * Answers whom to tell when these pieces are on disk. `done` hears of them when they are lent after that: nobody reads
   * them again. Equal bytes may come twice at once, and one may be lent for the other before it is written.
   */
  keep(sha256: string, pieces: readonly Uint8Array[], done: ChunksDone): { written(): void };
  /** The bytes, forgotten with this call; undefined where they must be read. */
  take(sha256: string): Uint8Array | undefined;
  /** As `take`, but the bytes are `use`'s for the time of the call alone: they are put together where the last ones were. */
  lend<T extends object>(sha256: string, use: (bytes: Uint8Array) => T): T | undefined;
}

interface Kept {
  readonly pieces: readonly Uint8Array[];
  readonly done: ChunksDone;
  /** Epoch ms. */
  readonly at: number;
  isWritten: boolean;
}

export function recentBytes(maxBytes: number, now: () => number): RecentBytes {
  const kept = new Map<string, Kept>();
  let bytes = 0;
  let room = Buffer.alloc(0);
  const drop = (sha256: string): Kept | undefined => {
    const found = kept.get(sha256);
    if (found === undefined) return undefined;
    kept.delete(sha256);
    bytes -= lengthOf(found.pieces);
    return found;
  };
  return {
    keep: (sha256, pieces, done) => {
      drop(sha256);
      const length = lengthOf(pieces);
      const own = { pieces, done, at: now(), isWritten: false };
      for (const [oldest, { at }] of kept) {
        if (bytes + length <= maxBytes || own.at - at < freshMs) break;
        drop(oldest);
      }
      if (bytes + length <= maxBytes) {
        kept.set(sha256, own);
        bytes += length;
      }
      return {
        written: () => {
          own.isWritten = true;
        },
      };
    },
    take: (sha256) => {
      const { pieces } = drop(sha256) ?? {};
      if (pieces === undefined) return undefined;
      const [only] = pieces;
      return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
    },
    lend: (sha256, use) => {
      const found = drop(sha256);
      if (found === undefined) return undefined;
      const { pieces, done, isWritten } = found;
      const length = lengthOf(pieces);
      if (room.length < length) room = Buffer.allocUnsafeSlow(length);
      let at = 0;
      for (const piece of pieces) {
        room.set(piece, at);
        at += piece.length;
      }
      if (isWritten) done(pieces);
      return use(room.subarray(0, length));
    },
  };
}

const lengthOf = (pieces: readonly Uint8Array[]): number => {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
};
