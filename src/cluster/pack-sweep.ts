import { allTried } from '../all-tried.ts';
import type { DropRows } from './drop-rows.ts';
import { inParallel } from './in-parallel.ts';
import { type DropParts, thinPack } from './shared-drop.ts';
import type { SweepRows } from './sweep-rows.ts';
import type { Vault } from './vault.types.ts';

/** Nobody stores a pack and refers to it so much later: `SweepRows.begin` sees to it. */
export const orphanAfterMs = 86_400_000;
const everyMs = 86_400_000;
/** Clocks of workers and of the object storage differ by less: it refuses requests that are off by a quarter of an hour. */
const overlapMs = 86_400_000;
/** Packs looked up in the database at once. */
const packsAtOnce = 256;
/** Packs that one sweep removes: what is left is taken by the next. */
const defaultMaxSwept = 10_000;
/** Each may be 16 MB that others need, to be read and stored again. */
const defaultMaxUnlocked = 1_000;
const looksAtOnce = 8;

export interface SweepParts {
  readonly rows: SweepRows;
  readonly drops: Pick<DropRows, 'noteLocked'>;
  /** Lists the packs of this log alone. */
  readonly vault: Pick<Vault, 'answers' | 'list' | 'remove' | 'lockedUntil'>;
}
export interface SweepOptions {
  /** Epoch ms. */
  readonly now: number;
  /** Looked at between two steps. */
  readonly isEnding: () => boolean;
  /** Told of packs that were removed, some at a time. */
  readonly removed: (packs: number) => void;
  readonly max?: number;
}

/**
 * Removes packs, and ends uploads, that were begun a day ago or before and that no record names: of workers that ended in
 * between; one that is locked is noted. Once a day for a log, whoever asks: each looks at what was stored since the last one
 * that came to its end.
 * Answers whether it did; null: none is due.
 * @throws EngineFailure `store-failed` where the database or the list failed, or some packs are still there: those are
 * tried again by the next, which is due at once
 */
export async function sweepIfDue(parts: SweepParts, options: SweepOptions): Promise<boolean | null> {
  const { rows, vault } = parts;
  const before = options.now - orphanAfterMs;
  const ended = await rows.ended();
  if (before - ended < everyMs) return null;
  // It refuses who has another time. What is begun stands: begun in years to come, it would keep every worker from writing until then.
  await vault.answers();
  await rows.begin(before);
  const isWhole = await sweep(parts, { ...options, before, after: Math.max(0, ended - overlapMs) });
  if (isWhole) await rows.end(before);
  return isWhole;
}

interface Span extends Omit<SweepOptions, 'now'> {
  readonly before: number;
  readonly after: number;
}

async function sweep(
  { rows, drops, vault }: SweepParts,
  { before, after, isEnding, removed, max = defaultMaxSwept }: Span,
): Promise<boolean> {
  let left = max;
  let packs: string[] = [];
  const errors: unknown[] = [];
  const failed = (error: unknown): readonly string[] => {
    errors.push(error);
    return [];
  };
  const look = async (): Promise<void> => {
    const orphans = await rows.orphans(packs, before);
    packs = [];
    // One that cannot be removed does not keep the others.
    const free = await withoutLocked({ drops, vault }, orphans).catch(failed);
    // Those that are locked do not count: the same would fill each sweep until their locks end.
    const gone = free.slice(0, left);
    left -= gone.length;
    if (gone.length === 0) return;
    await vault.remove(gone).then(() => removed(gone.length), failed);
  };
  for await (const pack of vault.list(before, after)) {
    if (packs.push(pack) < packsAtOnce) continue;
    await look();
    if (left === 0 || isEnding()) break;
  }
  if (left > 0 && !isEnding()) await look();
  if (errors.length > 0) throw errors[0];
  return left > 0 && !isEnding();
}

async function withoutLocked(
  { drops, vault }: Pick<SweepParts, 'drops' | 'vault'>,
  orphans: readonly string[],
): Promise<readonly string[]> {
  const found = await inParallel(orphans, looksAtOnce, async (pack) => ({
    pack,
    until: await vault.lockedUntil(pack),
  }));
  for (const { pack, until } of found) if (until !== null) await drops.noteLocked(pack, until);
  return found.flatMap(({ pack, until }) => (until === null ? [pack] : []));
}

/**
 * Removes packs that were to go and were locked, now that their locks have ended, `max` at most. Answers how many.
 * @throws as `dropPayloads`, once it has tried all of them
 */
export async function removeUnlocked(
  parts: DropParts,
  { now, isEnding, max = defaultMaxUnlocked }: Omit<SweepOptions, 'removed'>,
): Promise<number> {
  let removed = 0;
  await allTried(await parts.rows.unlocked(now, max), async (pack) => {
    if (!isEnding() && (await thinPack(parts, pack))) removed += 1;
  });
  return removed;
}
