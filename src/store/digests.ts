import { endsOf, qualityOver, suspectQuietMs, type Tally } from '../../streams/figures.ts';
import type { DeleteRule } from '../../streams/keeping.ts';
import type { AgeClock } from '../../streams/message.ts';
import type { Change } from './change.ts';
import type { IntakeRow } from './rows.ts';

/** What was held for its age since the last summary (journaling c.6). Times are epoch milliseconds. */
export interface HeldDigest extends Tally {
  readonly suspectedClockSkew: number;
  /** Range of the times that the messages were judged by. */
  readonly oldest: number;
  readonly newest: number;
}

/** With one more, at `at`. */
const counted = (before: Tally | undefined, at: number): Tally => ({
  count: (before?.count ?? 0) + 1,
  firstAt: before?.firstAt ?? at,
  lastAt: at,
});

/** Counts an item that is held at `at` for the next summary. */
export function digestHeld(
  change: Change,
  { definitionId, flags }: Pick<IntakeRow, 'definitionId' | 'flags'>,
  { messageTime }: AgeClock,
  at: number,
): void {
  const figures = change.figuresDraftOf(definitionId);
  const before = figures.heldDigest;
  figures.heldDigest = {
    ...counted(before, at),
    suspectedClockSkew: (before?.suspectedClockSkew ?? 0) + (flags.includes('suspected-clock-skew') ? 1 : 0),
    oldest: Math.min(before?.oldest ?? messageTime, messageTime),
    newest: Math.max(before?.newest ?? messageTime, messageTime),
  };
}

/** Counts a record whose mail was deleted. What goes by its time is told of once a day, what was asked for at once. */
export function digestDeleted(change: Change, definitionId: string | null, rule: DeleteRule, at: number): void {
  const figures = change.figuresDraftOf(definitionId);
  const { retention, erasure } = figures.deleted ?? { retention: 0, erasure: 0 };
  figures.deleted = { retention, erasure, [rule]: (figures.deleted?.[rule] ?? 0) + 1 };
  if (rule !== 'retention') return;
  figures.deletedDigest = counted(figures.deletedDigest, at);
}

/** Counts an item that has come to its end, where its envelope could not be read or a report may be forged. */
export function digestQuality(
  change: Change,
  { definitionId, flags }: Pick<IntakeRow, 'definitionId' | 'flags'>,
  { spoilt, at }: { readonly spoilt: boolean; readonly at: number },
): void {
  const suspect = flags.includes('report-from-outside');
  if (!spoilt && !suspect) return;
  const figures = change.figuresDraftOf(definitionId);
  if (spoilt) {
    const number = endsOf(figures);
    figures.spoilt = [...(figures.spoilt ?? []).filter((each) => each > number - qualityOver), number];
  }
  if (suspect) {
    const before = figures.suspect;
    const goesOn = before !== undefined && at - before.lastAt <= suspectQuietMs;
    figures.suspect = counted(goesOn ? before : undefined, at);
  }
}

/** An item goes through again, so its end, the one of that number, says nothing any more. */
export function takeBackEnd(change: Change, definitionId: string | null, endNumber: number | undefined): void {
  const figures = change.figuresDraftOf(definitionId);
  figures.reopened = (figures.reopened ?? 0) + 1;
  if (figures.spoilt !== undefined) figures.spoilt = figures.spoilt.filter((each) => each !== endNumber);
}

/** What was counted since the last summary, counted no more. */
export function takeDigest<Name extends 'heldDigest' | 'deletedDigest'>(
  change: Change,
  definitionId: string | null,
  name: Name,
): ReturnType<Change['figuresOf']>[Name] {
  const digest = change.figuresOf(definitionId)[name];
  if (digest !== undefined) delete change.figuresDraftOf(definitionId)[name];
  return digest;
}
