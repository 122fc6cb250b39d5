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

export interface SweepParts {
  readonly rows: Pick<SweepRows, 'ended' | 'begin' | 'end' | 'orphans'>;
  /** Lists the packs of this log alone. */
  readonly vault: Pick<Vault, 'list' | 'remove'>;
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
 * between. Once a day for a log, whoever asks: each sweep looks at what was stored since the last one that came to its end.
 * Answers whether it did; null: none is due.
 * @throws EngineFailure `store-failed` where the database or the list failed, or some packs are still there: those are
 * tried again by the next, which is due at once
 */
export async function sweepIfDue({ rows, vault }: SweepParts, options: SweepOptions): Promise<boolean | null> {
  const before = options.now - orphanAfterMs;
  const ended = await rows.ended();
  if (before - ended < everyMs) return null;
  await rows.begin(before);
  const isWhole = await sweep({ rows, vault }, { ...options, before, after: Math.max(0, ended - overlapMs) });
  if (isWhole) await rows.end(before);
  return isWhole;
}

interface Span extends Omit<SweepOptions, 'now'> {
  readonly before: number;
  readonly after: number;
}

async function sweep(
  { rows, vault }: SweepParts,
  { before, after, isEnding, removed, max = defaultMaxSwept }: Span,
): Promise<boolean> {
  let left = max;
  let packs: string[] = [];
  const errors: unknown[] = [];
  const look = async (): Promise<void> => {
    const orphans = (await rows.orphans(packs)).slice(0, left);
    packs = [];
    left -= orphans.length;
    if (orphans.length === 0) return;
    // One that cannot be removed does not keep the others.
    await vault.remove(orphans).then(
      () => removed(orphans.length),
      (error: unknown) => errors.push(error),
    );
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
