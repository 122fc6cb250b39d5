import { mergeObservation } from '../../streams/merge.ts';
import type { ArchiveEntry, Origin, Verdict } from '../../streams/message.ts';

export type EntryVerdict = Extract<Verdict, { kind: 'insert' | 'merge' }>;
export interface Decided {
  readonly intakeId: string;
  readonly origin: Origin;
  readonly matchKey: string;
  readonly at: number;
}

/** Ids of the entries that a verdict changes beside the one it makes. */
export const entriesTouchedBy = (verdict: EntryVerdict): readonly string[] =>
  verdict.kind === 'merge' ? [verdict.entryId] : verdict.collidesWith;

/**
 * The entries as a verdict leaves them, the one it makes or joins first. Pure: the fold and the window that is still
 * deciding see the same.
 */
export function applyVerdict(
  decided: Decided,
  verdict: EntryVerdict,
  entryOf: (entryId: string) => ArchiveEntry | undefined,
): readonly ArchiveEntry[] {
  if (verdict.kind === 'merge') {
    const entry = entryOf(verdict.entryId);
    if (entry === undefined)
      throw new Error(`intake ${decided.intakeId} matched ${verdict.entryId}, which is not there`);
    const flags = verdict.case === 'M2' ? ['variant'] : [];
    return [mergeObservation(entry, verdict.observation, { flags, learnt: verdict.learnt })];
  }
  const collides = verdict.collidesWith.length > 0;
  const made: ArchiveEntry = {
    id: decided.intakeId,
    matchKey: decided.matchKey,
    archivedAt: decided.at,
    origin: decided.origin,
    flags: collides ? ['mid-collision'] : [],
    observations: [verdict.observation],
  };
  const others = verdict.collidesWith
    .map(entryOf)
    .filter((entry) => entry !== undefined)
    .filter(({ flags }) => !flags.includes('mid-collision'))
    .map((entry) => ({ ...entry, flags: [...entry.flags, 'mid-collision'] }));
  return [made, ...others];
}

/** The entry's own match key and those of the content hashes learnt so far. */
export function matchKeysOf(entry: ArchiveEntry): readonly string[] {
  const keys = new Set<string>(entry.matchKey === '' ? [] : [entry.matchKey]);
  for (const { representations } of entry.observations) {
    for (const { contentHash } of representations) if (contentHash !== null) keys.add(`ch:${contentHash}`);
  }
  return [...keys];
}
