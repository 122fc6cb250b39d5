import { lastPart, rangeOf } from './keys.ts';
import type { IntakeRow } from './rows.ts';

/** Ids kept for each definition: under load as many leave within a second, and the database is asked once for all of them. */
const keptIds = 256;

/** What is asked of the index. */
export interface OldestReads {
  /** The lowest keys of the room `open` in the range of a definition, ascending. */
  openKeys(range: string, limit: number): Promise<readonly string[]>;
  row(intakeId: string): Promise<IntakeRow | undefined>;
}
export interface OldestItems {
  /** Epoch ms at which the oldest message in process was received, or null. */
  of(definitionId: string | null): number | null;
  /** After these came, or were put back, and those left; both stand in the index already. */
  refresh(came: Iterable<IntakeRow>, left: Iterable<IntakeRow>): Promise<void>;
}

/** The lowest ids in process of one definition, ascending; all there are, or so many that the rest is looked for later. */
interface Front {
  ids: string[];
  isWhole: boolean;
  oldest: { readonly intakeId: string; readonly receivedAt: number } | null;
}

/** The oldest item in process of each definition. */
export async function openOldestItems(reads: OldestReads, ranges: Iterable<string>): Promise<OldestItems> {
  const fronts = new Map<string, Front>();
  const frontOf = (range: string): Front => {
    const known = fronts.get(range);
    if (known !== undefined) return known;
    const front: Front = { ids: [], isWhole: true, oldest: null };
    fronts.set(range, front);
    return front;
  };
  const look = async (range: string, front: Front): Promise<void> => {
    const keys = await reads.openKeys(range, keptIds + 1);
    front.isWhole = keys.length <= keptIds;
    front.ids = keys.slice(0, keptIds).map(lastPart);
  };
  const settle = async (range: string, front: Front): Promise<void> => {
    if (front.ids.length === 0 && !front.isWhole) await look(range, front);
    const [first] = front.ids;
    if (first === front.oldest?.intakeId) return;
    const row = first === undefined ? undefined : await reads.row(first);
    front.oldest = row ?? null;
  };
  for (const range of ranges) {
    const front = frontOf(range);
    front.isWhole = false;
    await settle(range, front);
  }
  return {
    of: (definitionId) => fronts.get(rangeOf(definitionId))?.oldest?.receivedAt ?? null,
    refresh: async (came, left) => {
      const touched = new Set<string>();
      for (const { definitionId, intakeId } of came) {
        touched.add(rangeOf(definitionId));
        add(frontOf(rangeOf(definitionId)), intakeId);
      }
      for (const { definitionId, intakeId } of left) {
        touched.add(rangeOf(definitionId));
        remove(frontOf(rangeOf(definitionId)), intakeId);
      }
      for (const range of touched) await settle(range, frontOf(range));
    },
  };
}

function add(front: Front, id: string): void {
  const at = placeOf(front.ids, id);
  if (front.ids[at] === id) return;
  // Behind the known ones there may be others that were not looked at.
  if (at === front.ids.length && !front.isWhole) return;
  front.ids.splice(at, 0, id);
  if (front.ids.length <= keptIds) return;
  front.ids.pop();
  front.isWhole = false;
}

function remove(front: Front, id: string): void {
  const at = placeOf(front.ids, id);
  if (front.ids[at] === id) front.ids.splice(at, 1);
}

/** Where the id stands, or would. What comes is mostly the newest, what leaves the oldest. */
function placeOf(ids: readonly string[], id: string): number {
  let [low, high] = [0, ids.length];
  if (low === high || id > (ids[high - 1] ?? '')) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
