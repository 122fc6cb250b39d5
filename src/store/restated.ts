import { EngineFailure } from '../../streams/failure.ts';
import { mergeObservation, withLearnt } from '../../streams/merge.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import { isBare } from '../../streams/reparsed.ts';
import type { CommandFacts, CommitLog, LogRecord, RecordDraft } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import type { OutcomeFacts, Told } from './outcome-record.ts';
import { encodeParticulars } from './particulars.ts';

/** What is told again of one intake: all that its entry shows because of it, as it stands at the time. */
export type Restated = Told;

/** The entry with what is told again: an observation that is bare gets what it had. Of one that is not, nothing is new. */
export function restatedEntry(entry: ArchiveEntry, { matchKey, observation, learnt }: Restated): ArchiveEntry {
  const { intakeId } = observation;
  const without = entry.observations.filter((each) => each.intakeId !== intakeId || !isBare(each));
  const whole = mergeObservation({ ...entry, observations: without }, observation, { flags: [], learnt });
  const named = entry.matchKey === '' && matchKey !== null ? { ...whole, matchKey } : whole;
  return withLearnt(named, learnt);
}

/**
 * The record that tells again what record `seq` told of mail that stands; null where there is none. To be called, and
 * appended, under the lock that entries change under.
 * @throws EngineFailure `missing` where an entry is not there: the record must stay
 */
export async function restatementOf(log: CommitLog, index: IndexDb, seq: number): Promise<RecordDraft | null> {
  const { record } = await log.record(seq);
  const rows = await index.intake.getMany(toldIn(record));
  const restated: Restated[] = [];
  for (const row of rows) {
    if (row?.toldBy !== seq) continue;
    const entry = row.entryId === null ? undefined : await index.entry.get(row.entryId);
    const observation = entry?.observations.find(({ intakeId }) => intakeId === row.intakeId);
    if (entry === undefined || observation === undefined) {
      throw new EngineFailure('missing', `the entry of intake ${row.intakeId}, of which record ${seq} tells`);
    }
    const matchKey = entry.id === row.intakeId ? entry.matchKey : null;
    restated.push({ matchKey, observation, learnt: hashesOf(entry) });
  }
  if (restated.length === 0) return null;
  const told = encodeParticulars(restated);
  const intakeIds = restated.map(({ observation }) => observation.intakeId);
  const facts: CommandFacts = { command: 'restate', of: seq, intakeIds, particulars: told.length };
  return { kind: 'command', facts, payload: [told], particulars: restated };
}

/** The intakes of whose mail a record tells in its particulars. */
export function toldIn({ kind, facts }: Pick<LogRecord, 'kind' | 'facts'>): readonly string[] {
  if (kind === 'outcome') return (facts as OutcomeFacts).outcomes.map(({ intakeId }) => intakeId);
  if (kind !== 'command') return [];
  const command = facts as CommandFacts;
  if (command.command === 'reparse') return [command.intakeId];
  return command.command === 'restate' ? command.intakeIds : [];
}

/** True where another record told of such mail anew at `since` or later, and the mail stands. */
export async function isToldAnewSince(log: CommitLog, index: IndexDb, seq: number, since: number): Promise<boolean> {
  const { record } = await log.record(seq);
  for (const row of await index.intake.getMany(toldIn(record))) {
    if (row?.toldBy === undefined || row.toldEarlierBy?.includes(seq) !== true) continue;
    if ((await log.record(row.toldBy)).record.at >= since) return true;
  }
  return false;
}

/** Every content hash that the entry knows: the records that brought them may be dropped as well. */
export function hashesOf({ observations }: ArchiveEntry): Readonly<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const { representations } of observations) {
    for (const { sha256, contentHash } of representations) if (contentHash !== null) hashes[sha256] = contentHash;
  }
  return hashes;
}
