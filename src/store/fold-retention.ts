import type { ArchiveEntry } from '../../streams/message.ts';
import type { CommandFacts, LogRecord } from './commit-log.types.ts';
import { digestDeleted, takeDigest } from './digests.ts';
import { removeEntry, storeEntry } from './entry-keys.ts';
import type { FoldContext } from './fold.ts';
import { buryIntake } from './fold-housekeeping.ts';
import { withSaid } from './keep-period.ts';
import { rangeOf, tombKey } from './keys.ts';
import { type Restated, restatedEntry } from './restated.ts';

const commands = [
  'delete',
  'restate',
  'keep',
  'hold',
  'lift',
  'resume-retention',
  'look',
  'summarise-deleted',
  'compacted',
] as const;
type RetentionFacts = Extract<CommandFacts, { command: (typeof commands)[number] }>;
type Facts<Command extends RetentionFacts['command']> = Extract<RetentionFacts, { command: Command }>;

export const isRetention = (facts: CommandFacts): facts is RetentionFacts =>
  (commands as readonly string[]).includes(facts.command);

/** How long the index may hold what was deleted (`meta`, key `compaction`). Times are epoch milliseconds. */
export interface CompactionRow {
  /** The first deletion since the last compaction, or null. */
  readonly dueSince: number | null;
  readonly doneAt: number | null;
}

/** Retention, holds and deletion (D-054, D-055). */
export async function foldRetention(context: FoldContext, record: LogRecord, facts: RetentionFacts): Promise<void> {
  const { index, change } = context;
  const { at } = record;
  switch (facts.command) {
    case 'delete':
      return foldDelete(context, record, facts);
    case 'restate':
      return foldRestate(context, record, facts);
    case 'summarise-deleted':
      return foldDeletedSummary(context, at, facts);
    case 'keep': {
      const { definitionId, ms } = facts;
      const said = (await index.said.get(rangeOf(definitionId))) ?? [];
      change.put(index.said, rangeOf(definitionId), withSaid(said, { from: at, ms }));
      return;
    }
    case 'hold':
      change.put(index.hold, facts.hold.id, { ...facts.hold, placedAt: at });
      return change.logEvent(at, facts.event);
    case 'lift':
      change.del(index.hold, facts.id);
      return change.logEvent(at, facts.event);
    case 'resume-retention':
      context.time = { at, leap: null };
      return change.logEvent(at, facts.event);
    case 'compacted': {
      change.put(index.meta, 'compaction', { dueSince: null, doneAt: at } satisfies CompactionRow);
      return;
    }
    case 'look':
  }
}

async function foldDelete(
  context: FoldContext,
  { seq, at }: LogRecord,
  { rule, entries, event }: Facts<'delete'>,
): Promise<void> {
  const { index, change, definitions } = context;
  let found = false;
  for (const { id } of entries) {
    const entry = await change.entry(id);
    if (entry === undefined) continue;
    found = true;
    await removeEntry(context, entry);
    change.put(index.gone, id, { deletedAt: at, rule, seq });
    for (const { intakeId, definitionId } of entry.observations) {
      const row = await change.row(intakeId);
      if (row === undefined || row.rawPurgedAt !== undefined) continue;
      await buryIntake(context, row, { at, step: 'deleted', detail: rule });
      digestDeleted(change, definitionId, rule, at);
      definitions.add(definitionId);
    }
  }
  if (!found) return;
  const compaction = (await index.meta.get('compaction')) as CompactionRow | undefined;
  if (compaction?.dueSince == null) {
    change.put(index.meta, 'compaction', { dueSince: at, doneAt: compaction?.doneAt ?? null } satisfies CompactionRow);
  }
  if (event !== undefined) change.logEvent(at, event);
}

/**
 * Where the record `of` was dropped, its entries are bare until here. Where it stands nothing is new but which record tells
 * of them from now on.
 */
async function foldRestate(
  context: FoldContext,
  { seq, at, particulars }: LogRecord,
  { of, intakeIds }: Facts<'restate'>,
): Promise<void> {
  const { index, change } = context;
  change.put(index.told, tombKey(of), { deletedAt: at, restatedAt: at });
  const told = (particulars ?? []) as readonly Restated[];
  for (const intakeId of intakeIds) {
    const row = await change.row(intakeId);
    if (row?.toldBy !== of) continue;
    change.putRow({ ...row, toldBy: seq }, row);
    const restated = told.find((each) => each.observation.intakeId === intakeId);
    const entry: ArchiveEntry | undefined = row.entryId === null ? undefined : await change.entry(row.entryId);
    if (restated !== undefined && entry !== undefined) storeEntry(context, entry, restatedEntry(entry, restated));
  }
}

/** How much was deleted by its retention: one line for each definition and day. */
async function foldDeletedSummary(
  { change, definitions }: FoldContext,
  at: number,
  { definitionId }: Facts<'summarise-deleted'>,
): Promise<void> {
  const digest = takeDigest(change, definitionId, 'deletedDigest');
  if (digest === undefined) return;
  definitions.add(definitionId);
  const { count, firstAt, lastAt } = digest;
  const data = { count, since: new Date(firstAt).toISOString(), until: new Date(lastAt).toISOString() };
  const event = { type: 'retention.deleted', severity: 'info', actor: 'engine' } as const;
  change.logEvent(at, { ...event, definitionId, intakeId: null, entryId: null, data });
}
