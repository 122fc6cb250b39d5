import type { Step } from '../../streams/message.ts';
import { isoTime } from '../time-words.ts';
import type { CommandFacts } from './commit-log.types.ts';
import { takeDigest } from './digests.ts';
import type { FoldContext } from './fold.ts';
import { tombKey } from './keys.ts';
import type { IntakeRow } from './rows.ts';

type Facts<Command extends CommandFacts['command']> = Extract<CommandFacts, { command: Command }>;

/**
 * Skipped items past their time give their bytes up (journaling a.3); their records stay for ever. What was released or
 * is held meanwhile keeps its bytes, and so does a record that any other intake needs.
 */
export async function foldPurge(
  { index, change, definitions }: FoldContext,
  at: number,
  { definitionId, intakeIds }: Facts<'purge'>,
): Promise<void> {
  let count = 0;
  for (const intakeId of intakeIds) {
    const before = await change.row(intakeId);
    if (before === undefined || !isDue(before, at)) continue;
    count += 1;
    await buryIntake({ index, change }, before, { at, step: 'purged', detail: null });
  }
  if (count === 0) return;
  definitions.add(definitionId);
  const event = { type: 'item.purged', severity: 'info', actor: 'engine', intakeId: null, entryId: null } as const;
  change.logEvent(at, { ...event, definitionId, data: { count } });
}

const isDue = ({ state, purgeRawAt, rawPurgedAt, sharedWith }: IntakeRow, at: number): boolean =>
  state === 'skipped' &&
  purgeRawAt !== undefined &&
  purgeRawAt <= at &&
  rawPurgedAt === undefined &&
  sharedWith !== undefined;

/**
 * The record stays, and nothing of the mail with it: its bytes and who sent it to whom go. Its payloads are named for
 * dropping once no other intake of its transaction needs them. The one place where that happens.
 */
export async function buryIntake(
  { index, change }: Pick<FoldContext, 'index' | 'change'>,
  before: IntakeRow,
  step: Step,
): Promise<void> {
  const transport = { ...before.transport, mailFrom: null, rcptTo: [] };
  const { toldBy, toldEarlierBy = [], ...rest } = before;
  change.putRow({ ...rest, transport, rawPurgedAt: step.at, steps: [...before.steps, step] }, before);
  for (const seq of toldBy === undefined ? [] : [...toldEarlierBy, toldBy]) {
    change.put(index.told, tombKey(seq), { deletedAt: step.at, restatedAt: null });
  }
  if (before.sharedWith === undefined) return;
  const others = await Promise.all(before.sharedWith.map((id) => change.row(id)));
  if (!others.every((other) => other?.rawPurgedAt !== undefined)) return;
  for (const seq of [...before.body.map((slice) => slice.seq), before.recordSeq]) {
    change.put(index.tomb, tombKey(seq), step.at);
  }
}

/** These payloads are off the disk. */
export async function foldDropped({ index, change }: FoldContext, { seqs }: Facts<'dropped'>): Promise<void> {
  for (const seq of seqs) {
    change.del(index.tomb, tombKey(seq));
    change.del(index.told, tombKey(seq));
  }
}

/** The alert of journaling c.6: how many were held, dated from when to when. */
export async function foldHeldSummary(
  { change, definitions }: FoldContext,
  at: number,
  { definitionId }: Facts<'summarise-held'>,
): Promise<void> {
  const digest = takeDigest(change, definitionId, 'heldDigest');
  if (digest === undefined) return;
  const { count, suspectedClockSkew } = digest;
  const data = {
    count,
    suspectedClockSkew,
    from: isoTime(digest.oldest),
    to: isoTime(digest.newest),
    since: isoTime(digest.firstAt),
    until: isoTime(digest.lastAt),
    stillHeld: change.figuresOf(definitionId).held,
  };
  definitions.add(definitionId);
  const event = { type: 'item.held-summary', severity: 'warning', actor: 'engine' } as const;
  change.logEvent(at, { ...event, definitionId, intakeId: null, entryId: null, data });
}
