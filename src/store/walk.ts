import type { PositionList } from '../../streams/ports.ts';
import type { IndexDb } from './index-db.ts';
import { facetKey, keyAfter, lastPositionOf, positionBefore } from './keys.ts';

/** What a page of a search may cost; spent, it is answered as far as it came, and the next one goes on from there. */
export interface SearchBounds {
  /** Pieces of lists that are read. */
  readonly reads: number;
  /** Positions in them. */
  readonly keys: number;
  /** Entries read in vain: where an index says less than the filter asks. */
  readonly looks: number;
  /** Entries with one Message-ID that are put in order in memory; of more, all entries are walked. */
  readonly namesakes: number;
}
/** Some 40 µs go to a read and 1 µs to a key, so this is about 40 ms of CPU at the worst. */
export const searchBounds: SearchBounds = { reads: 500, keys: 20_000, looks: 500, namesakes: 500 };

/** What one page of a search may still cost. */
export interface Work {
  reads: number;
  keys: number;
}
export const isSpent = ({ reads, keys }: Work): boolean => reads <= 0 || keys <= 0;

/** Positions of entries, newest first. */
export interface Walk {
  /** The next position below `bound`, or null where there is none. Bounds only go down. */
  below(bound: string): Promise<string | null>;
}
export interface WalkOptions {
  readonly work: Work;
  /** Epoch ms: nothing of an earlier date is walked. */
  readonly since: number | undefined;
}

/** The entries that have a facet. */
export function facetList(index: IndexDb, facet: string): PositionList {
  const name = index.blind(facet);
  return {
    below: async ({ from, bound, limit }) => {
      const range = { gte: facetKey(name, from), lt: facetKey(name, bound), limit, reverse: true };
      return (await index.facet.keysNow(range)).map(lastPositionOf);
    },
  };
}

const [fewest, most] = [16, 512];

/**
 * One list, read in pieces: long ones where one position after another is asked for, short ones where most of them are
 * passed over.
 */
export function listWalk(list: PositionList, { work, since }: WalkOptions): Walk {
  const from = since === undefined ? '' : positionBefore(since);
  let piece: readonly string[] = [];
  let at = 0;
  let size = fewest;
  let given = 0;
  let ended = false;
  return {
    below: async (bound) => {
      while (at < piece.length && (piece[at] ?? '') >= bound) at += 1;
      const next = piece[at];
      if (next !== undefined) {
        given += 1;
        return next;
      }
      if (ended) return null;
      if (given * 2 >= piece.length) size = Math.min(most, size * 2);
      else if (given * 8 < piece.length) size = fewest;
      piece = from < bound ? await list.below({ from, bound, limit: size }) : [];
      work.reads -= 1;
      work.keys -= piece.length;
      ended = piece.length < size;
      at = 0;
      given = 1;
      return piece[0] ?? null;
    },
  };
}

/** Positions that any of the lists has. */
export function anyOf(walks: readonly Walk[]): Walk {
  return {
    below: async (bound) => {
      let highest: string | null = null;
      for (const walk of walks) {
        const position = await walk.below(bound);
        if (position !== null && (highest === null || position > highest)) highest = position;
      }
      return highest;
    },
  };
}

/** How far a walk over several lists has come: at a position that all have, at the end, or where its work was spent. */
export type Met =
  | { readonly kind: 'met'; readonly position: string }
  | { readonly kind: 'end' }
  /** No list has been looked at below `position`; above it they have nothing in common. */
  | { readonly kind: 'spent'; readonly position: string };

/** The next position below `bound` that every list has. Each list leaps to where the others are, so the shortest leads. */
export async function meet(walks: readonly Walk[], bound: string, work: Work): Promise<Met> {
  let candidate: string | null = null;
  let agreed = 0;
  for (let turn = 0; agreed < walks.length; turn = (turn + 1) % walks.length) {
    if (candidate !== null && isSpent(work)) return { kind: 'spent', position: candidate };
    const position: string | null =
      (await walks[turn]?.below(candidate === null ? bound : keyAfter(candidate))) ?? null;
    if (position === null) return { kind: 'end' };
    agreed = position === candidate ? agreed + 1 : 1;
    candidate = position;
  }
  return candidate === null ? { kind: 'end' } : { kind: 'met', position: candidate };
}
